//! A sample account with a year behind it, for looking around, screenshots and browser tests.
//!
//! | module | does |
//! |---|---|
//! | [`chance`] | numbers that look random and are the same each time |
//! | [`rhythm`] | how much a small team does at some hour |
//! | [`team`] | what it does then, event by event |
//! | [`purse`] | what it buys and is given |
//! | [`account`] | who it is, and its keys |
//! | [`story`] | lives the year, through the ledger, by a clock that is set by hand |
//!
//! The same seed, end and span make the same entries with the same hashes. Only secrets differ: they are drawn from the
//! machine's own randomness, so that a published seed opens nothing.

pub mod account;
pub mod chance;
pub mod purse;
pub mod rhythm;
pub mod story;
pub mod team;

pub use self::account::EMAIL;
pub use self::story::{DemoError, Plan, Told, tell};
