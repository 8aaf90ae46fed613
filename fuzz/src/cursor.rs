//! Where a list or a stream goes on: `cursor`, `offset` and `limit`, `after`, `Last-Event-ID`, the usage page's address,
//! and the ids that paths are made of.

use std::fmt::Display;
use std::str::FromStr;

use http::{HeaderMap, HeaderName};
use ledger::{AccountId, EventId, GrantId, HoldId, KeyId, UserId};
use server::calendar::Zone;
use server::console::Error;
use server::console::receipt::Page;
use server::console::usage::asked::{Asked, Span};
use server::http::query::{Known, Query};
use server::http::rest::events_list::page;
use server::http::rest::stream::start;
use server::http::sse::Start;

use crate::request::{append, must_be_a_refusal, query};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Reads the bytes as a query string, as a header, as an address, and as an id.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    if let Some(query) = query(bytes) {
        match query {
            Ok(query) => check_query(&query),
            Err(error) => must_be_a_refusal(&error),
        }
    }
    check_header(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_address(text);
        check_id::<AccountId>(text);
        check_id::<UserId>(text);
        check_id::<EventId>(text);
        check_id::<GrantId>(text);
        check_id::<HoldId>(text);
        check_id::<KeyId>(text);
    }
}

fn check_query(query: &Query) {
    let listed = |query: &mut Known| (page(query), query.limit());
    let after = |query: &mut Known| query.number("after");
    match query.clone().read(listed) {
        Ok((page, limit)) => {
            assert!((1..=100).contains(&limit));
            let place = match page {
                Page::Offset(offset) => format!("offset={offset}"),
                Page::Before(seq) => {
                    assert!(i64::try_from(seq).is_ok(), "past what a store can hold");
                    format!("cursor={seq}")
                }
            };
            assert_eq!(read(&format!("{place}&limit={limit}"), listed).ok(), Some((page, limit)));
        }
        Err(error) => must_be_a_refusal(&error),
    }
    match query.clone().read(after) {
        Ok(Some(seq)) => assert_eq!(read(&format!("after={seq}"), after).ok(), Some(Some(seq))),
        Ok(None) => {}
        Err(error) => must_be_a_refusal(&error),
    }
}

fn read<T>(text: &str, take: impl FnOnce(&mut Known) -> T) -> Result<T, Error> {
    query(text.as_bytes()).expect("a plain query").and_then(|query| query.read(take))
}

/// A place in the stream is a number or lost, never another place.
fn check_header(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    append(&mut headers, LAST_EVENT_ID, bytes);
    let given = headers.get(LAST_EVENT_ID).is_some_and(|value| !value.is_empty());
    match start(&headers, Some(7)) {
        Start::After(7) if !given => {}
        Start::After(seq) => {
            let digits: String = String::from_utf8_lossy(bytes).trim_start_matches(['+', '0']).to_owned();
            assert!(
                given && digits == seq.to_string().trim_start_matches('0'),
                "{bytes:?} was read as {seq}"
            );
        }
        Start::Lost => assert!(given),
        Start::Now => panic!("a place was given"),
    }
}

/// The usage page makes something of any address, and its links lead back to the same.
fn check_address(text: &str) {
    let zone: Zone = "Europe/Berlin".parse().expect("a zone");
    let asked = Asked::read(text, &zone);
    assert!(asked.before.is_none_or(|seq| i64::try_from(seq).is_ok()), "past what a store can hold");
    let path = asked.path(&asked.span, true);
    let (_, search) = path.split_once('?').expect("a query");
    let again = Asked::read(search, &zone);
    let said = |asked: &Asked| {
        let Asked { span, step, group_by, operation, api_key, .. } = asked.clone();
        (span, step, group_by, operation, api_key)
    };
    assert_eq!(said(&again), said(&asked), "{path}");
    if let Span::Days { from, to, .. } = asked.span {
        assert!(from < to, "{path}");
    }
}

/// A thing has one name only.
fn check_id<T: FromStr + Display>(text: &str) {
    if let Ok(id) = text.parse::<T>() {
        assert_eq!(id.to_string(), text);
    }
}
