//! What the console writes to people, and how it gets to them.
//!
//! | module | does |
//! |---|---|
//! | [`letter`] | every mail there is, in words |
//! | [`smtp`] | hands one message to the mail server |
//! | [`sender`] | takes what is due from the outbox, and writes down what became of it |
//! | [`bell`] | tells it that something was written |
//!
//! A use case never waits for a mail server: `console/outbox.rs` puts the letter into the store, and the job in
//! `jobs/mail.rs` sends it.

pub mod bell;
pub mod letter;
pub mod sender;
pub mod smtp;

pub use self::bell::Bell;
pub use self::letter::Letter;
pub use self::sender::{Round, Sender};
