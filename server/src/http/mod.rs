//! What is spoken over HTTP: REST for programs, pages for people, streams for both.
//!
//! | module | does |
//! |---|---|
//! | [`connections`] | accepts them, within bounds |
//! | [`tls`] | certificate and key, where no proxy has them |
//! | [`routes`] | the whole router |
//! | [`rest`] | one module per resource; `/usage/events` and `/v1/usage/events` are the same |
//! | [`forms`] | signing up and in, and what else is one plain form |
//! | [`pages`], [`sse`], [`assets`] | what a browser loads |
//! | `recent` | the guard before what is sensitive |
//! | `archive` | all of somebody's data in one file |
//! | `settings` | the settings pages' forms, for browsers without scripts |
//! | [`endless`] | streams, once they have begun |
//! | `door` | turns charges away while too much waits |
//! | [`frame`] | what every answer has: request id, error envelope, CORS |
//! | [`requests`] | what is noted of every request |
//! | `rates` | the headers about the limit of requests |
//! | [`failures`] | what a browser shows instead of an envelope |
//! | [`security`] | headers of pages, and refusal of other sites' requests |
//! | [`uncut`] | lets changes finish when the client has gone |
//! | [`json`] | reads request bodies and names what is wrong with them |
//! | [`query`] | reads query strings and names what is wrong with them |
//! | `openapi` | what describes all of it to programs |
//! | [`health`] | whether the process and its store work |

mod archive;
pub mod assets;
pub mod client_address;
pub mod connections;
#[cfg(test)]
mod description;
mod door;
pub mod endless;
pub mod failures;
pub mod forms;
pub mod frame;
pub mod health;
pub mod json;
mod openapi;
pub mod pages;
pub mod query;
mod rates;
mod recent;
pub mod requests;
pub mod rest;
pub mod routes;
pub mod security;
mod settings;
pub mod sse;
pub mod storable;
pub mod tls;
mod uncut;

pub use routes::router;
