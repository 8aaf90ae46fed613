//! `POST /usage/events` in our own form, one event or a list; and the other shapes that are read of the same fields.

use std::collections::BTreeMap;

use ledger::event::{Dimensions, EventKey, MAX_HOLD_S, Priced, Report};
use ledger::{AccountId, Credits, Quantity};
use serde::Serialize;
use serde_json::value::RawValue;
use server::calendar::Rfc3339;
use server::console::Error;
use server::http::json::Fields;
use server::http::rest::cloud_events::ReportBody;
use server::http::rest::events::items;
use server::http::rest::report::{self, OnInsufficient, ReportedEvent};

use crate::amount::same_value;
use crate::request::{must_be_a_refusal, report_body};

const FIELDS: [&str; 9] = [
    "id",
    "source",
    "user_id",
    "account_id",
    "api_key",
    "operation",
    "quantity",
    "occurred_at",
    "dimensions",
];

/// The members of an object, read by another hand than the server's.
pub(crate) type Told<'a> = BTreeMap<String, &'a RawValue>;

/// Reads the bytes as the body of a request.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    let body = match report_body("application/json", bytes) {
        Ok(body) => body,
        Err(error) => return must_be_a_refusal(&error),
    };
    let reports = match reports(&body) {
        Ok(reports) => reports,
        Err(error) => return must_be_a_refusal(&error),
    };
    for item in reports {
        match body.form.event(item) {
            Ok(event) => check_event(item, &event),
            Err(error) => must_be_a_refusal(&error),
        }
        check_other_shapes(item);
    }
}

/// The reports of a body, as the handler takes them out.
pub(crate) fn reports(body: &ReportBody) -> Result<Vec<&RawValue>, Error> {
    let value = body.json.value()?;
    if body.form.is_list(value)? { items(value) } else { Ok(vec![value]) }
}

fn check_event(item: &RawValue, event: &ReportedEvent) {
    let told: Told<'_> = serde_json::from_str(item.get()).expect("an object was read");
    let ReportedEvent { report, payer, on_insufficient } = event;
    let unknown = told.keys().find(|name| *name != "on_insufficient" && !FIELDS.contains(&name.as_str()));
    assert_eq!(unknown, None, "charged in spite of a field that nobody reads");
    assert_eq!(text(&told, "id").as_deref(), Some(report.key.id()));
    assert_eq!(text(&told, "source").as_deref(), Some(report.key.source()));
    assert_eq!(text(&told, "operation").as_deref(), Some(report.operation.as_str()));
    assert_eq!(text(&told, "occurred_at").is_some(), report.occurred_at.is_some());
    let owes = text(&told, "on_insufficient").as_deref() == Some("debt");
    assert_eq!(owes, *on_insufficient == OnInsufficient::Debt);
    let dimensions: BTreeMap<String, String> = match told.get("dimensions") {
        Some(value) if value.get() != "null" => serde_json::from_str(value.get()).expect("pairs of text"),
        _ => BTreeMap::new(),
    };
    assert_eq!(&dimensions, report.dimensions.pairs());
    check_quantity(told["quantity"], report.quantity);
    check_report(report);

    let names = ["user_id", "account_id", "api_key"];
    let mut payers = names.iter().filter_map(|name| Some((*name, text(&told, name)?)));
    let (Some((field, payer_id)), None) = (payers.next(), payers.next()) else { panic!("not one payer") };
    let again = read(&native(report, (field, &payer_id), *on_insufficient));
    assert_eq!((&again.report, again.on_insufficient), (report, *on_insufficient));
    match (payer, &again.payer) {
        (Ok(payer), Ok(same)) => assert_eq!((payer, payer.field()), (same, field)),
        (Err(Error::NotFound { details }), Err(_)) => assert!(details.contains_key(field), "{details:?}"),
        (one, other) => panic!("{one:?} is not {other:?}"),
    }
}

/// What every accepted report is, whatever form it came in.
pub(crate) fn check_report(report: &Report) {
    let is_name = |text: &str, most: usize| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        (1..=most).contains(&text.len()) && is_plain && text != "." && text != ".."
    };
    assert!(is_name(report.key.id(), 128) && is_name(report.key.source(), 64), "{:?}", report.key);
    assert!((1..=128).contains(&report.operation.len()), "{:?}", report.operation);
    assert!(report.quantity <= Quantity::MAX);
    let bytes: usize = report.dimensions.pairs().iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(report.dimensions.pairs().len() <= 16 && bytes <= 1024);
    check_replay(report);
}

/// A report is a replay of itself, and of nothing that differs in any field.
fn check_replay(report: &Report) {
    let account: AccountId = "acct_01900000000070008000000000000001".parse().expect("an id");
    let priced = Priced { credits: Credits::ZERO, price_version: 1, api_key: None, service_key: None };
    let booked = report.clone().into_facts(priced);
    let differences = |report: &Report| report.differences(Some(account), account, &booked);
    assert!(differences(report).is_empty(), "{report:?} is no replay of itself");
    assert_eq!(report.differences(None, account, &booked), ["payer"]);

    let more = report.quantity.saturating_add(Quantity::from_micros(1).expect("a millionth"));
    assert_eq!(differences(&Report { quantity: more, ..report.clone() }), ["quantity"]);
    let operation = format!("{}.", report.operation);
    assert_eq!(differences(&Report { operation, ..report.clone() }), ["operation"]);
    let occurred_at = match report.occurred_at {
        Some(_) => None,
        None => Some(ledger::Timestamp::from_micros(0)),
    };
    assert_eq!(differences(&Report { occurred_at, ..report.clone() }), ["occurred_at"]);
    let mut pairs = report.dimensions.pairs().clone();
    if pairs.pop_first().is_none() {
        pairs.insert("a".to_owned(), String::new());
    }
    let dimensions = Dimensions::parse(pairs).expect("fewer pairs, or one");
    assert_eq!(differences(&Report { dimensions, ..report.clone() }), ["dimensions"]);
}

/// A quantity is the number that was written, digit by digit.
pub(crate) fn check_quantity(written: &RawValue, quantity: Quantity) {
    let text: String = serde_json::from_str(written.get()).unwrap_or_else(|_| written.get().to_owned());
    assert!(same_value(&text, &quantity.to_string()), "{text} was read as {quantity}");
    assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
}

/// Holds, settlements, corrections and questions are read of the same fields.
fn check_other_shapes(item: &RawValue) {
    let fields = || Fields::of(item).expect("it was an object before");
    if let Err(error) = Fields::of(item) {
        return must_be_a_refusal(&error);
    }
    match report::hold(fields()) {
        Ok(asked) => {
            check_report(&asked.event.report);
            assert!(u64::try_from(asked.expires_in_s).is_ok_and(|s| (1..=MAX_HOLD_S).contains(&s)));
        }
        Err(error) => must_be_a_refusal(&error),
    }
    match report::correction(fields()) {
        Ok(asked) => {
            assert!(EventKey::parse("s", &asked.id).is_ok());
            assert!((1..=500).contains(&asked.reason.chars().count()) && asked.reason == asked.reason.trim());
        }
        Err(error) => must_be_a_refusal(&error),
    }
    let quantities = [
        report::settlement(fields()).map(|asked| asked.quantity),
        report::question(fields()).map(|asked| asked.quantity),
        report::amount(fields()).map(|(_, quantity)| quantity),
    ];
    for quantity in quantities {
        match quantity {
            Ok(quantity) => check_quantity(fields().given("quantity").expect("it was read"), quantity),
            Err(error) => must_be_a_refusal(&error),
        }
    }
}

/// A text that was told; absent and null are the same.
pub(crate) fn text(told: &Told<'_>, name: &str) -> Option<String> {
    let value = told.get(name).filter(|value| value.get() != "null")?;
    serde_json::from_str(value.get()).ok()
}

/// A report in our own form, every field written in the one usual way.
pub(crate) fn native(report: &Report, payer: (&str, &str), on_insufficient: OnInsufficient) -> String {
    let occurred_at = report.occurred_at.map(Rfc3339);
    let on_insufficient = match on_insufficient {
        OnInsufficient::Reject => "reject",
        OnInsufficient::Debt => "debt",
    };
    object(&[
        ("id", json(report.key.id())),
        ("source", json(report.key.source())),
        (payer.0, json(payer.1)),
        ("operation", json(&report.operation)),
        ("quantity", json(&report.quantity)),
        ("occurred_at", json(&occurred_at)),
        ("dimensions", json(report.dimensions.pairs())),
        ("on_insufficient", json(on_insufficient)),
    ])
}

pub(crate) fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", json(*name))).collect();
    format!("{{{}}}", members.join(","))
}

pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("plain values")
}

/// Reads one event in our own form that must be accepted.
pub(crate) fn read(text: &str) -> ReportedEvent {
    let body = report_body("application/json", text.as_bytes()).expect("a small body");
    let value = body.json.value().expect("JSON");
    body.form.event(value).unwrap_or_else(|error| panic!("{text} is refused: {error}"))
}
