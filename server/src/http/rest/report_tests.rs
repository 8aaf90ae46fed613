//! What a service may send, and the words in which the rest is refused.

use ledger::Timestamp;

use super::*;

const USER: &str = "user_01900000000070008000000000000001";

/// The event that all cases start from, with `change` applied to its fields.
fn parse(change: &[(&str, Option<&str>)]) -> Result<ReportedEvent, Error> {
    let user = format!("{USER:?}");
    let mut fields = BTreeMap::from([
        ("id", "\"job-42.step-7\""),
        ("source", "\"builder\""),
        ("user_id", user.as_str()),
        ("operation", "\"model.build\""),
        ("quantity", "3"),
    ]);
    for (name, value) in change {
        match value {
            Some(value) => fields.insert(name, value),
            None => fields.remove(name),
        };
    }
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
    let json = format!("{{{}}}", pairs.join(", "));
    event(Fields::of(serde_json::from_str(&json).unwrap()).unwrap())
}

/// The status and, for 422, the fields that are named.
fn refusal(change: &[(&str, Option<&str>)]) -> (u16, Vec<String>) {
    match parse(change) {
        Ok(_) => panic!("accepted {change:?}"),
        Err(Error::Validation(reasons)) => (422, reasons.keys().map(ToString::to_string).collect()),
        Err(error) => (error.status(), vec![]),
    }
}

#[test]
fn an_event_is_read_whole() {
    let event = parse(&[
        ("occurred_at", Some("\"2026-11-22T13:00:00+01:00\"")),
        ("dimensions", Some(r#"{"model": "churn", "a\"b": "ü"}"#)),
        ("on_insufficient", Some("\"reject\"")),
    ])
    .unwrap();
    assert_eq!((event.report.key.source(), event.report.key.id()), ("builder", "job-42.step-7"));
    assert_eq!(event.report.quantity.micros(), 3_000_000);
    assert_eq!(event.report.occurred_at, Some(Timestamp::from_micros(1_795_348_800_000_000)));
    assert_eq!(event.report.dimensions.pairs()["a\"b"], "ü");
    assert_eq!(event.payer.unwrap(), Payer::User(USER.parse().unwrap()));
}

#[test]
fn a_quantity_has_any_spelling_of_a_number() {
    for text in ["1", "1.0", "1e0", "\"1\"", "\"1.000\"", "\"\\u0031\""] {
        assert_eq!(parse(&[("quantity", Some(text))]).unwrap().report.quantity.micros(), 1_000_000, "{text}");
    }
    for text in ["-1", "0.0000001", "1000000000.000001", "1e400", "\"\"", "\"many\"", "\"-1\"", "\" 1\""] {
        assert_eq!(refusal(&[("quantity", Some(text))]), (422, vec!["quantity".to_owned()]), "{text}");
    }
    for text in ["true", "[1]", "{}", "null"] {
        assert_eq!(refusal(&[("quantity", Some(text))]).0, 400, "{text}");
    }
    assert_eq!(refusal(&[("quantity", None)]), (422, vec!["quantity".to_owned()]));
}

#[test]
fn exactly_one_field_names_the_payer() {
    let all = || PAYERS.map(str::to_owned).to_vec();
    let mut none = refusal(&[("user_id", None)]);
    none.1.sort();
    let mut sorted = all();
    sorted.sort();
    assert_eq!(none, (422, sorted));
    assert_eq!(
        refusal(&[("api_key", Some("\"k\""))]),
        (422, vec!["api_key".to_owned(), "user_id".to_owned()])
    );
    assert_eq!(refusal(&[("user_id", Some("7"))]).0, 400);
    assert!(parse(&[("api_key", Some("null"))]).is_ok());
    let by_key = parse(&[("user_id", None), ("api_key", Some("\"plx_sk_x\""))]).unwrap();
    assert_eq!(by_key.payer.unwrap(), Payer::ApiKey(hash("plx_sk_x")));
    let nobody = parse(&[("user_id", Some("\"user_nope\""))]).unwrap();
    assert_eq!(nobody.payer.unwrap_err().status(), 404);
}

#[test]
fn every_bad_field_is_named_at_once() {
    let change =
        [("id", Some("\"a b\"")), ("source", Some("\"..\"")), ("operaton", Some("1")), ("operation", None)];
    let (status, fields) = refusal(&change);
    assert_eq!((status, fields.join(" ")), (422, "id operation operaton source".to_owned()));
    assert_eq!(refusal(&[("occurred_at", Some("\"yesterday\""))]), (422, vec!["occurred_at".to_owned()]));
    assert_eq!(refusal(&[("on_insufficient", Some("\"wait\""))]), (422, vec!["on_insufficient".to_owned()]));
}

#[test]
fn a_wrong_type_comes_before_a_wrong_value() {
    assert_eq!(refusal(&[("quantity", Some("-1")), ("occurred_at", Some("7"))]).0, 400);
    for (field, value) in [("id", "7"), ("source", "null"), ("operation", "{}"), ("dimensions", "\"a\"")] {
        assert_eq!(refusal(&[(field, Some(value))]).0, 400, "{field}");
    }
    let error = parse(&[("dimensions", Some(r#"{"tokens": 7}"#))]).unwrap_err();
    assert_eq!(error.to_string(), "dimensions.tokens must be text.");
}

#[test]
fn dimensions_are_few_and_short() {
    let many: Vec<String> = (0..17).map(|n| format!("\"k{n}\": \"\"")).collect();
    let many = format!("{{{}}}", many.join(","));
    assert_eq!(refusal(&[("dimensions", Some(&many))]), (422, vec!["dimensions".to_owned()]));
    assert!(parse(&[("dimensions", Some("null"))]).unwrap().report.dimensions.pairs().is_empty());
}
