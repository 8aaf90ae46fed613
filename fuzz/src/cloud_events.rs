//! `POST /usage/events` as CloudEvents: one in structured mode, or a batch.

use std::collections::BTreeMap;

use ledger::event::Report;
use serde_json::value::RawValue;
use server::calendar::Rfc3339;
use server::console::Error;
use server::http::rest::report::{OnInsufficient, ReportedEvent};
use server::store::Payer;

use crate::event::{Told, check_quantity, check_report, json, native, object, read, reports, text};
use crate::request::{must_be_a_refusal, report_body};

const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
/// Words of our own form, which a sender of CloudEvents has not used.
const OURS: [&str; 8] =
    ["operation", "occurred_at", "quantity", "dimensions", "user_id", "account_id", "api_key", "payer"];

/// Reads the bytes as the body of a request: a list as a batch, all else as one event.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    let is_list = bytes.trim_ascii_start().first() == Some(&b'[');
    let (kind, other) = if is_list { (BATCH, ONE) } else { (ONE, BATCH) };
    let wrong = report_body(other, bytes).and_then(|body| reports(&body).map(|items| items.len()));
    assert!(wrong.is_err(), "a list is no event, and an event no list");

    let body = match report_body(kind, bytes) {
        Ok(body) => body,
        Err(error) => return must_be_a_refusal(&error),
    };
    match reports(&body) {
        Ok(items) => items.into_iter().for_each(|item| match body.form.event(item) {
            Ok(event) => check_event(item, &event),
            Err(error) => check_refusal(item, &error),
        }),
        Err(error) => must_be_a_refusal(&error),
    }
}

/// It speaks of what the sender has sent.
fn check_refusal(item: &RawValue, error: &Error) {
    must_be_a_refusal(error);
    let Error::Validation(reasons) = error else { return };
    let told: Told<'_> = serde_json::from_str(item.get()).expect("an object was read");
    for name in OURS {
        assert!(!reasons.contains_key(name) || told.contains_key(name), "not a CloudEvents word: {error}");
    }
}

fn check_event(item: &RawValue, event: &ReportedEvent) {
    let told: Told<'_> = serde_json::from_str(item.get()).expect("an object was read");
    let ReportedEvent { report, payer, on_insufficient } = event;
    assert_eq!(text(&told, "specversion").as_deref(), Some("1.0"));
    assert_eq!(text(&told, "id").as_deref(), Some(report.key.id()));
    assert_eq!(text(&told, "source").as_deref(), Some(report.key.source()));
    assert_eq!(text(&told, "type").as_deref(), Some(report.operation.as_str()));
    assert_eq!(text(&told, "time").is_some(), report.occurred_at.is_some());
    assert_eq!(*on_insufficient, OnInsufficient::Reject, "CloudEvents have no word for owing");
    let data: Told<'_> = serde_json::from_str(told["data"].get()).expect("data is an object");
    check_quantity(data["quantity"], report.quantity);
    assert_eq!(&dimensions(&data), report.dimensions.pairs());
    check_report(report);

    let subject = text(&told, "subject").expect("somebody pays");
    let (field, id) = match payer {
        Ok(Payer::User(id)) => ("user_id", id.to_string()),
        Ok(Payer::Account(id)) => ("account_id", id.to_string()),
        Ok(Payer::ApiKey(_)) => panic!("a key is no subject"),
        Err(Error::NotFound { details }) => {
            assert!(details.contains_key("subject"), "{details:?}");
            return;
        }
        Err(other) => panic!("not a payer: {other:?}"),
    };
    assert_eq!(subject, id, "a payer has one name");
    let again = read_cloud_event(&canonical(report, &subject));
    assert_eq!((&again.report, again.payer.ok()), (report, payer.as_ref().ok().cloned()));
    let ours = read(&native(report, (field, &subject), *on_insufficient));
    assert_eq!((&ours.report, ours.payer.ok()), (report, payer.as_ref().ok().cloned()));
}

/// Every scalar beside the quantity: text as it reads, all else as it is written.
fn dimensions(data: &Told<'_>) -> BTreeMap<String, String> {
    let others = data.iter().filter(|(name, value)| *name != "quantity" && value.get() != "null");
    let written =
        |value: &RawValue| serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned());
    others.map(|(name, value)| (name.clone(), written(value))).collect()
}

/// A report as a CloudEvent, every attribute written in the one usual way.
fn canonical(report: &Report, subject: &str) -> String {
    let pairs = report.dimensions.pairs().iter();
    let mut data: Vec<_> = pairs.map(|(name, value)| (name.as_str(), json(value))).collect();
    data.push(("quantity", json(&report.quantity)));
    object(&[
        ("specversion", json("1.0")),
        ("id", json(report.key.id())),
        ("source", json(report.key.source())),
        ("type", json(&report.operation)),
        ("subject", json(subject)),
        ("time", json(&report.occurred_at.map(Rfc3339))),
        ("data", object(&data)),
    ])
}

fn read_cloud_event(text: &str) -> ReportedEvent {
    let body = report_body(ONE, text.as_bytes()).expect("a small body");
    let value = body.json.value().expect("JSON");
    body.form.event(value).unwrap_or_else(|error| panic!("{text} is refused: {error}"))
}
