//! The one writer of the books: takes everything that waits, decides with `ledger`, commits once, then answers all.

pub mod job;
