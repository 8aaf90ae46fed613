//! `GET /usage/stream?after=SEQ`: what happens on the account, while it happens.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream::{self, StreamExt};

use crate::auth::Customer;
use crate::calendar::http_date;
use crate::console::{Console, Error};
use crate::http::endless;
use crate::http::query::Query;
use crate::http::sse::{Start, Stream};

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use app::backend::live::{AlertMessage, BalanceMessage, EntryMessage, UsageMessage, name};
#[cfg(test)]
use schemars::SchemaGenerator;

pub fn router() -> Router<Console> {
    Router::new().route("/usage/stream", get(usage_stream))
}

/// What a browser sends when it comes again after a cut.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

async fn usage_stream(
    State(console): State<Console>,
    customer: Customer,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Error> {
    let after = query.read(|query| query.number("after"))?;
    let start = start(&headers, after);
    let date = HeaderValue::from_str(&http_date(console.clock.now())).map_err(Error::internal)?;
    let (stream, first) = Stream::open(console, customer, start).await?;
    let first = stream::once(async { Ok::<_, Infallible>(first) });
    let following = stream::unfold(stream, |mut stream| async {
        let chunk = stream.next().await?;
        Some((Ok(chunk), stream))
    });
    let headers = [
        (header::DATE, date),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    let mut response = (headers, Body::from_stream(first.chain(following))).into_response();
    endless::mark(&mut response);
    Ok(response)
}

/// The header is newer than the address: a browser that comes again repeats its first address.
pub fn start(headers: &HeaderMap, after: Option<u64>) -> Start {
    match headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) {
        Some(id) => id.to_str().ok().and_then(|id| id.parse().ok()).map_or(Start::Lost, Start::After),
        None => after.map_or(Start::Now, Start::After),
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let operation = Operation::get("/usage/stream", "stream_usage", "What happens on the account, while it happens")
        .about(
            "Server-sent events. For every commit `entry`, as many as there are, then `usage`, then one `balance`; only \
             `balance` and `reset` have an `id`, which is the `seq`. Whoever comes again with it as `Last-Event-ID` or `after` \
             gets what was missed, or a `reset` with a snapshot after a gap of more than 1 000 entries. `alert` says how the \
             account stands and is said again to whoever connects. A comment comes every 15 seconds.",
        )
        .by(Area::Usage, Caller::Reader)
        .query([schemas::after()])
        .answers_text(
            "text/event-stream",
            "retry: 2000\n\nevent: balance\nid: 3\ndata: {\"seq\":3,\"balance\":49.9, …}\n\n",
            vec![
                (name::ENTRY, SchemaGenerator::subschema_for::<EntryMessage>),
                (name::USAGE, SchemaGenerator::subschema_for::<UsageMessage>),
                (name::BALANCE, SchemaGenerator::subschema_for::<BalanceMessage>),
                (name::RESET, SchemaGenerator::subschema_for::<BalanceMessage>),
                (name::ALERT, SchemaGenerator::subschema_for::<AlertMessage>),
            ],
        );
    vec![operation]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_wins_over_the_address() {
        let headers = |id: Option<&'static str>| {
            let pairs = id.map(|id| (LAST_EVENT_ID, HeaderValue::from_static(id)));
            pairs.into_iter().collect::<HeaderMap>()
        };
        assert_eq!(start(&headers(None), None), Start::Now);
        assert_eq!(start(&headers(None), Some(7)), Start::After(7));
        assert_eq!(start(&headers(Some("9")), Some(7)), Start::After(9));
        assert_eq!(start(&headers(Some("")), Some(7)), Start::After(7));
        assert_eq!(start(&headers(Some("nine")), Some(7)), Start::Lost);
    }
}
