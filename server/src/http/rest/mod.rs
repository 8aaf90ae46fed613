//! The REST API, one module per resource.
//!
//! Each module has `pub fn router() -> Router<Console>` with whole paths (`/usage/history`); methods of one path may come
//! from several modules. Handlers take who calls as an extractor ([`crate::auth::Customer`] for keys and sessions that
//! read their own account, [`crate::auth::Service`] for service keys) and return `Result<_, `[`crate::console::Error`]`>`; the
//! frame around them makes the error's envelope.

pub mod account;
pub mod api_keys;
mod arithmetic;
pub mod check;
pub mod cloud_events;
pub mod corrections;
pub mod entries;
pub mod estimate;
pub mod events;
pub mod events_list;
pub mod export;
pub mod forecast;
pub mod grants;
pub mod history;
pub mod holds;
pub mod rate_card;
pub mod receipt;
pub mod report;
pub mod stream;
pub mod verify;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use super::{client_address, openapi, rates, uncut};
use crate::console::Console;

/// All REST routes, without the `/v1` alias. Where services have no limit of requests, their routes are spared the headers.
pub fn router(console: &Console) -> Router<Console> {
    let customers = Router::new()
        .merge(account::router())
        .merge(api_keys::router())
        .merge(entries::router())
        .merge(estimate::router())
        .merge(events_list::router())
        .merge(export::router())
        .merge(forecast::router())
        .merge(grants::router())
        .merge(history::router())
        .merge(holds::list_router())
        .merge(rate_card::router())
        .merge(openapi::router())
        .merge(receipt::router())
        .merge(stream::router())
        .merge(verify::router())
        .layer(from_fn_with_state(console.clone(), client_address::keep))
        .layer(from_fn(uncut::to_the_end))
        .layer(from_fn(rates::said));
    let services = Router::new()
        .merge(check::router())
        .merge(corrections::router())
        .merge(events::router())
        .merge(holds::router());
    let services_are_limited = console.config.rate_limits.services > 0;
    let services = if services_are_limited { services.layer(from_fn(rates::said)) } else { services };
    customers.merge(services)
}

/// Every route of [`router`], in the order in which it is read.
#[cfg(test)]
pub(super) fn described() -> Vec<super::description::Operation> {
    [
        account::described(),
        api_keys::described(),
        history::described(),
        events_list::described(),
        receipt::described(),
        stream::described(),
        export::described(),
        grants::described(),
        entries::described(),
        verify::described(),
        forecast::described(),
        rate_card::described(),
        estimate::described(),
        events::described(),
        check::described(),
        holds::described(),
        corrections::described(),
    ]
    .concat()
}
