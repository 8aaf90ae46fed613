//! The rules of credits, and nothing else: no IO, no clock, no SQL, no floats.
//!
//! The server decides with this code and the browser re-checks with the same code. `README.md` beside this crate is
//! the accounting spec: places, movements, hash bytes and the order of checks.
//!
//! | module | decides |
//! |---|---|
//! | [`credits`] | what an amount is, and how it is read and written |
//! | [`ids`] | how accounts, grants and events are named |
//! | [`time`] | instants, as the caller gave them |
//! | [`month`] | calendar months in UTC, which graduated prices count by |
//! | [`event`] | what a service reports, and when two reports are the same |
//! | [`rate`] | what an operation costs |
//! | [`grant`] | lots of credits and the order in which they burn |
//! | [`entry`] | one movement between two places |
//! | [`chain`] | the bytes and the hash that tie entries together |
//! | [`wallet`] | what may be spent, and the entries a spend leaves behind |
//! | [`receipt`] | why an event cost what it cost |
//! | [`spend_limit`] | how much a key may spend in a period |
//! | [`series`] | 15-minute buckets of consumption |
//! | [`dimensions`] | the same by what services say about their work |
//! | [`forecast`] | when credits run out at a pace |
//! | `schema` | how amounts and ids look on the wire |
//! | [`verify`] | replays an account's books and names the first mismatch |

pub mod chain;
pub mod credits;
pub mod dimensions;
pub mod entry;
pub mod event;
pub mod forecast;
pub mod grant;
pub mod ids;
pub mod month;
pub mod rate;
pub mod receipt;
#[cfg(feature = "schema")]
pub mod schema;
pub mod series;
pub mod spend_limit;
pub mod time;
pub mod verify;
pub mod wallet;

pub use credits::{Credits, Quantity};
pub use ids::{AccountId, EventId, GrantId, HoldId, KeyId, UserId};
pub use month::Month;
pub use time::Timestamp;
