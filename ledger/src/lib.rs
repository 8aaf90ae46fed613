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
//! | [`day`] | calendar days, and the zone that says when they begin |
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
//! | [`hours`] | what was spent, hour by hour |
//! | [`forecast`] | when credits run out at a pace |
//! | [`outlook`] | when they run out by the account's own history, and how sure that is |
//! | [`baseline`] | what is usual for an account, and when a spike begins and ends |
//! | [`what_if`] | what the same use would cost by other prices, and which offer fits it |
//! | `schema` | how amounts and ids look on the wire |
//! | [`verify`] | replays an account's books and names the first mismatch |
//! | [`money`] | amounts in minor units of a currency |
//! | [`shares`] | parts that add up to the whole |
//! | [`plan`] | credits for each period, and what changing the plan costs and gives |
//! | [`purchase`] | packs of credits, and what is taken back when they aren't paid for |
//! | [`top_up`] | when credits are bought by themselves |
//! | [`invoice`] | lines, totals, numbers, credit notes |
//! | [`tax`] | the tax on an invoice |
//! | [`reconcile`] | whether payments, invoices and grants say the same |

pub mod baseline;
pub mod chain;
pub mod credits;
pub mod day;
pub mod dimensions;
pub mod entry;
pub mod event;
pub mod forecast;
pub mod grant;
pub mod hours;
pub mod ids;
pub mod invoice;
pub mod money;
pub mod month;
pub mod outlook;
pub mod plan;
pub mod purchase;
pub mod rate;
pub mod receipt;
pub mod reconcile;
#[cfg(feature = "schema")]
pub mod schema;
pub mod series;
pub mod shares;
pub mod spend_limit;
pub mod tax;
pub mod time;
pub mod top_up;
pub mod verify;
pub mod wallet;
pub mod what_if;

pub use credits::{Credits, Quantity};
pub use day::{Day, Zone};
pub use ids::{AccountId, EventId, GrantId, HoldId, KeyId, UserId};
pub use money::{Currency, Money};
pub use month::Month;
pub use time::Timestamp;
