//! The server of Plexe Console: what keeps the data.
//!
//! | room | holds |
//! |---|---|
//! | [`config`] | settings from `console.toml` and the environment |
//! | [`cli`] | the command line, and the socket through which commands reach a running server |
//! | [`http`] | REST routes, pages, live streams, assets |
//! | [`console`] | use cases: one method, one transaction; REST, pages and commands all end here |
//! | [`auth`] | passwords, sessions, keys |
//! | [`sequencer`] | the one writer of the books: group commit |
//! | [`store`] | all SQL |
//! | [`live`] | who hears of a commit |
//! | [`nodes`] | several servers on one database: how they hear of each other |
//! | [`mail`] | what we write to people, and how it gets there |
//! | [`demo`] | a sample account with a year behind it |
//! | [`calendar`] | instants as text, and days as a time zone counts them |
//! | [`jobs`] | what happens by itself |
//! | [`metrics`] | what is counted, and `/metrics` |

pub mod auth;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod demo;
pub mod http;
pub mod jobs;
pub mod live;
pub mod mail;
pub mod metrics;
pub mod nodes;
pub mod random;
pub mod sequencer;
pub mod store;
pub mod telemetry;
