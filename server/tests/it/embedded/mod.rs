//! What only the embedded store has: a file that one process owns.

mod cli;
mod demo;
mod upgrade;
