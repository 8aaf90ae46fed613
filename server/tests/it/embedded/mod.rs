//! What only holds for the store that is a file of this process: its disk fills, fails and lies.

mod faults;
