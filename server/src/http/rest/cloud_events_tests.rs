//! What a CloudEvent may say, and the words in which the rest is refused.

use ledger::Timestamp;
use serde_json::{Value, json};

use super::*;

const USER: &str = "user_01900000000070008000000000000001";

fn example() -> Value {
    json!({
        "specversion": "1.0", "id": "job-42.step-7", "source": "/builder", "type": "model.build", "subject": USER,
        "time": "2026-11-22T13:00:00+01:00", "datacontenttype": "application/json",
        "data": {"quantity": 3, "model": "churn"},
    })
}

/// The example with an attribute set; null is as good as absent.
fn with(name: &str, value: Value) -> Value {
    let mut event = example();
    event[name] = value;
    event
}

fn parse(event: &Value) -> Result<ReportedEvent, Error> {
    let body: Box<RawValue> = serde_json::from_str(&event.to_string()).unwrap();
    Form::CloudEvent.event(&body)
}

/// The status and, for 422, the attributes that are named.
fn refusal(event: &Value) -> (u16, String) {
    match parse(event) {
        Ok(_) => panic!("accepted {event}"),
        Err(Error::Validation(reasons)) => {
            (422, reasons.keys().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        Err(error) => (error.status(), error.to_string()),
    }
}

fn named(fields: &str) -> (u16, String) {
    (422, fields.to_owned())
}

#[test]
fn a_cloud_event_is_read_whole() {
    let event = parse(&example()).unwrap();
    assert_eq!((event.report.key.source(), event.report.key.id()), ("/builder", "job-42.step-7"));
    assert_eq!(event.report.operation, "model.build");
    assert_eq!(event.report.quantity.micros(), 3_000_000);
    assert_eq!(event.report.occurred_at, Some(Timestamp::from_micros(1_795_348_800_000_000)));
    assert_eq!(event.report.dimensions.pairs()["model"], "churn");
    assert_eq!(event.payer.unwrap(), Payer::User(USER.parse().unwrap()));
}

#[test]
fn the_payer_is_a_user_or_an_account() {
    let account = "acct_01900000000070008000000000000001";
    let event = parse(&with("subject", json!(account))).unwrap();
    assert_eq!(event.payer.unwrap(), Payer::Account(account.parse().unwrap()));
    for nobody in ["user_nope", "acct_"] {
        let error = parse(&with("subject", json!(nobody))).unwrap().payer.unwrap_err();
        assert_eq!((error.status(), error.to_string().as_str()), (404, "subject is unknown."));
    }
    for other in [json!("plx_sk_abc"), json!(""), Value::Null] {
        assert_eq!(refusal(&with("subject", other)), named("subject"));
    }
}

#[test]
fn a_quantity_is_a_number_or_text_and_exact() {
    for (quantity, micros) in [
        (json!(3), 3_000_000),
        (json!("0.000001"), 1),
        (json!(1.5), 1_500_000),
        (json!("1e3"), 1_000_000_000),
    ] {
        let event = parse(&with("data", json!({"quantity": quantity}))).unwrap();
        assert_eq!(event.report.quantity.micros(), micros);
    }
    for quantity in [json!(-1), json!("many"), json!(""), json!(1e10), Value::Null] {
        assert_eq!(refusal(&with("data", json!({"quantity": quantity}))), named("data.quantity"));
    }
    for quantity in [json!(true), json!([1]), json!({})] {
        let (status, sentence) = refusal(&with("data", json!({"quantity": quantity})));
        assert_eq!(status, 400);
        assert!(sentence.starts_with("data.quantity must be a number"), "{sentence}");
    }
}

#[test]
fn scalars_of_data_are_dimensions_as_they_are_written() {
    let data = json!({"quantity": 1, "a": "ü\"", "n": -7, "f": 1.50, "b": false, "z": null});
    let event = parse(&with("data", data)).unwrap();
    let pairs: Vec<_> = event.report.dimensions.pairs().iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(pairs, ["a=ü\"", "b=false", "f=1.5", "n=-7"]);
    let nested = json!({"quantity": 1, "list": [], "object": {"a": 1}, "ok": 1});
    assert_eq!(refusal(&with("data", nested)), named("data.list data.object"));
    let many: serde_json::Map<String, Value> = (0..17).map(|n| (format!("k{n}"), json!(n))).collect();
    let mut many = Value::Object(many);
    many["quantity"] = json!(1);
    assert_eq!(refusal(&with("data", many)), named("data"));
    assert_eq!(refusal(&with("data", json!({"quantity": 1, "": "x"}))), named("data"));
}

#[test]
fn data_is_one_json_object() {
    for data in [json!([{"quantity": 1}]), json!("{\"quantity\": 1}"), json!(7), json!(true)] {
        assert_eq!(refusal(&with("data", data)), named("data data.quantity"));
    }
    assert_eq!(refusal(&with("data", Value::Null)), named("data.quantity"));
    let mut binary = with("data_base64", json!("eyJxdWFudGl0eSI6IDF9"));
    assert_eq!(refusal(&binary), named("data_base64"));
    binary["data"] = Value::Null;
    assert_eq!(refusal(&binary), named("data.quantity data_base64"));
    for kind in ["application/xml", "text/plain; charset=utf-8", "application/jsonp", ""] {
        assert_eq!(refusal(&with("datacontenttype", json!(kind))), named("datacontenttype"));
    }
    for kind in ["Application/JSON; charset=utf-8", "application/vnd.plexe+json"] {
        assert!(parse(&with("datacontenttype", json!(kind))).is_ok(), "{kind}");
    }
    assert!(parse(&with("datacontenttype", Value::Null)).is_ok());
}

#[test]
fn every_bad_attribute_is_named_in_the_caller_s_words() {
    for version in [json!("0.3"), json!("1.0.2"), json!(""), Value::Null] {
        assert_eq!(refusal(&with("specversion", version)), named("specversion"));
    }
    let bad = json!({
        "specversion": "1", "id": "a b", "source": "..", "time": "yesterday", "data": {"quantity": -1, "x": []},
    });
    assert_eq!(refusal(&bad), named("data.quantity data.x id source specversion subject time type"));
    for name in ["id", "source", "type"] {
        assert_eq!(refusal(&with(name, Value::Null)), named(name));
        assert_eq!(refusal(&with(name, json!(""))), named(name));
        assert_eq!(refusal(&with(name, json!(7))), (400, format!("{name} must be text.")));
    }
    for name in ["specversion", "subject", "time", "datacontenttype", "dataschema"] {
        assert_eq!(refusal(&with(name, json!([]))), (400, format!("{name} must be text.")));
    }
    assert_eq!(refusal(&with("id", json!("i".repeat(129)))), named("id"));
    assert_eq!(refusal(&with("source", json!("s".repeat(65)))), named("source"));
}

#[test]
fn extensions_are_allowed_and_mean_nothing() {
    let mut event = example();
    for (name, value) in [("traceparent", json!("00-0af7")), ("sequence", json!(7)), ("sampled", json!(true))]
    {
        event[name] = value;
    }
    // Names of the native form are no exception.
    event["quantity"] = json!("1000");
    event["operation"] = json!("account.read");
    event["comexample"] = Value::Null;
    event["dataschema"] = json!("https://example.com/usage.json");
    let (read, plain) = (parse(&event).unwrap(), parse(&example()).unwrap());
    assert_eq!(read.report, plain.report);
    for (name, value) in [
        ("on_insufficient", json!("debt")),
        ("partitionKey", json!("a")),
        ("", json!("a")),
        ("operation", json!({"a": 1})),
        ("links", json!(["a"])),
    ] {
        assert_eq!(refusal(&with(name, value)), named(name));
    }
}

#[test]
fn what_the_books_say_is_translated() {
    let reasons = Reasons::from([("operation".into(), "\"x\" is not on the rate card".into())]);
    let error = Form::CloudEvents.words(Error::Validation(reasons));
    assert_eq!(error.to_string(), "type \"x\" is not on the rate card.");
    let fields = vec!["payer", "operation", "quantity", "dimensions", "occurred_at"];
    let conflict = Error::Conflict { message: "Other content.", fields };
    let Error::Conflict { fields, .. } = Form::CloudEvent.words(conflict) else { panic!("another error") };
    assert_eq!(fields, ["subject", "type", "data.quantity", "data", "time"]);
    let unknown = Error::NotFound { details: Reasons::from([("user_id".into(), "is unknown".into())]) };
    assert_eq!(Form::CloudEvent.words(unknown).to_string(), "subject is unknown.");
    let unknown = Error::NotFound { details: Reasons::from([("user_id".into(), "is unknown".into())]) };
    assert_eq!(Form::Native.words(unknown).to_string(), "user_id is unknown.");
}
