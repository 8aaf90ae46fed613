//! `POST /usage/events`: services report what was done, one event or up to 1 000, in our own form or as CloudEvents.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use ledger::{Credits, EventId, KeyId};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::cloud_events::{Form, ReportBody};
use super::report::{self, OnInsufficient};
use crate::auth::Service;
use crate::console::{Console, Error};
use crate::http::frame::ErrorView;
use crate::sequencer::job::{Charged, Submission};
use crate::store::Scope;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::{Value, json};

/// Events in one request.
const MAX_ITEMS: usize = 1_000;

pub fn router() -> Router<Console> {
    Router::new().route("/usage/events", post(report_usage))
}

/// One answer for one event, a list for a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Reported")]
enum Answer {
    One(ChargedView),
    Many(BatchView),
}

async fn report_usage(
    State(console): State<Console>,
    service: Service,
    body: ReportBody,
) -> Result<Json<Answer>, Error> {
    let ReportBody { form, json } = &body;
    let value = json.value()?;
    if form.is_list(value)? {
        let items = items(value)?;
        service.must_have(Scope::Charge)?;
        return Ok(Json(Answer::Many(charge_all(&console, &service, *form, &items).await?)));
    }
    let refused = |error: &Error| console.sequencer.charges().refused(error);
    let event = form.event(value).inspect_err(refused)?;
    service.must_have(Scope::Charge)?;
    let submission = submission(event, &service).inspect_err(refused)?;
    let charged = console.charge_one(submission).await;
    let charged = charged.map_err(|error| form.words(error))?;
    Ok(Json(Answer::One(charged.into())))
}

/// The list's items, none of them read. Errors: too many (413).
pub fn items(value: &RawValue) -> Result<Vec<&RawValue>, Error> {
    let items: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(Error::internal)?;
    if items.len() > MAX_ITEMS {
        return Err(Error::PayloadTooLarge("At most 1000 events fit in one request."));
    }
    Ok(items)
}

/// Reads every item by itself, charges those that can be read, and answers in the order of the request.
async fn charge_all(
    console: &Console,
    service: &Service,
    form: Form,
    items: &[&RawValue],
) -> Result<BatchView, Error> {
    let mut submissions = Vec::with_capacity(items.len());
    let mut refused = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match form.event(item).and_then(|event| submission(event, service)) {
            Ok(submission) => submissions.push(submission),
            Err(error) => {
                console.sequencer.charges().refused(&error);
                refused.push((index, error));
            }
        }
    }
    let mut charged = console.charge(submissions).await?.into_iter();
    let mut refused = refused.into_iter().peekable();
    let mut outcomes = Vec::with_capacity(items.len());
    for index in 0..items.len() {
        if let Some((_, error)) = refused.next_if(|(at, _)| *at == index) {
            outcomes.push(Err(error));
            continue;
        }
        let missing = || Err(Error::internal("the sequencer gave too few answers"));
        outcomes.push(charged.next().unwrap_or_else(missing).map_err(|error| form.words(error)));
    }
    Ok(BatchView::new(outcomes))
}

/// Errors: another source than the key's own, or debt without a limit (403); a payer that can't exist (404).
fn submission(event: report::ReportedEvent, service: &Service) -> Result<Submission, Error> {
    service.must_be_source(event.report.key.source())?;
    let service_key: KeyId = service.0.id.clone();
    let debt_limit = match event.on_insufficient {
        OnInsufficient::Reject => None,
        OnInsufficient::Debt => Some(service.debt_limit()?),
    };
    Ok(Submission { payer: event.payer?, report: event.report, service_key, debt_limit })
}

/// The outcome of an event.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChargedView {
    event_id: EventId,
    source: String,
    id: String,
    credits: Credits,
    balance: Credits,
    seq: u64,
    replayed: bool,
    price_version: u32,
}

impl From<Charged> for ChargedView {
    fn from(charged: Charged) -> Self {
        let Charged { event_id, source, id, credits, balance, seq, replayed, price_version } = charged;
        Self { event_id, source, id, credits, balance, seq, replayed, price_version }
    }
}

/// `results` in the order of the request; `accepted + replayed + rejected` is their number.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct BatchView {
    results: Vec<ItemView>,
    accepted: u32,
    replayed: u32,
    rejected: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReportedItem")]
struct ItemView {
    index: usize,
    status: u16,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Outcome {
    Charged(ChargedView),
    Refused {
        #[serde(serialize_with = "as_view")]
        #[schemars(with = "ErrorView<'static>")]
        error: Error,
    },
}

fn as_view<S: Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    ErrorView::new(error, None).serialize(serializer)
}

impl BatchView {
    fn new(outcomes: Vec<Result<Charged, Error>>) -> Self {
        let mut view = Self { results: Vec::with_capacity(outcomes.len()), ..Self::default() };
        for (index, outcome) in outcomes.into_iter().enumerate() {
            let item = match outcome {
                Ok(charged) => {
                    *(if charged.replayed { &mut view.replayed } else { &mut view.accepted }) += 1;
                    ItemView { index, status: 200, outcome: Outcome::Charged(charged.into()) }
                }
                Err(error) => {
                    view.rejected += 1;
                    log_internal(index, &error);
                    ItemView { index, status: error.status(), outcome: Outcome::Refused { error } }
                }
            };
            view.results.push(item);
        }
        view
    }
}

/// The frame logs the errors of whole requests; those of items are known here only.
fn log_internal(index: usize, error: &Error) {
    if let Error::Internal(cause) = error {
        tracing::error!(index, cause = ?cause, "an event of a list failed");
    }
}

/// One event in the form of CloudEvents.
#[cfg(test)]
fn cloud_event() -> Value {
    json!({
        "type": "object",
        "properties": {
            "specversion": { "const": "1.0" },
            "id": schemas::name(128, "As `id`."),
            "source": schemas::name(64, "As `source`."),
            "type": schemas::operation(),
            "subject": { "type": "string", "pattern": "^(user|acct)_", "description": "The payer: the id of a user or an account." },
            "time": { "type": ["string", "null"], "format": "date-time" },
            "datacontenttype": { "type": ["string", "null"] },
            "dataschema": { "type": ["string", "null"] },
            "data": {
                "type": "object",
                "properties": { "quantity": schemas::quantity() },
                "required": ["quantity"],
                "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
                "description": "Everything but the quantity is one of the dimensions.",
            },
        },
        "required": ["specversion", "id", "source", "type", "subject", "data"],
        "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
    })
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let event = schemas::object_with_payer(
        json!({
            "id": schemas::name(128, "Of this event, for ever: the same id and content again is answered alike and charged once."),
            "source": schemas::name(64, "Who reports it; ids are unique within a source."),
            "operation": schemas::operation(),
            "quantity": schemas::quantity(),
            "occurred_at": {
                "type": "string", "format": "date-time",
                "description": "When it was done, up to 35 days ago; now when nothing is said.",
            },
            "dimensions": schemas::dimensions(),
            "on_insufficient": {
                "type": "string", "enum": ["reject", "debt"], "default": "reject",
                "description": "`debt` lets the account owe what it can't pay, for keys with a debt limit.",
            },
        }),
        &["id", "source", "operation", "quantity"],
    );
    let reported = json!({
        "anyOf": [
            { "$ref": "#/components/schemas/UsageEvent" },
            {
                "type": "array", "maxItems": MAX_ITEMS,
                "items": { "description": "Each is read by itself: a bad one is refused in its place and spoils no other." },
            },
        ],
    });
    let cloud_events = json!({ "type": "array", "maxItems": MAX_ITEMS, "items": {} });
    let in_cloud = json!({
        "specversion": "1.0", "id": "job-1", "source": "builder", "type": "model.build", "subject": "user_…",
        "data": { "quantity": 1, "model": "churn" },
    });
    let operation = Operation::post("/usage/events", "report_usage", "Report what was done")
        .about(
            "One event, or up to 1 000 in an array. An answered charge is on disk; sending the same event again is always safe. An \
             array is answered by one result for each event, in order, with the status it would have had alone. CloudEvents 1.0 \
             are taken as well.",
        )
        .by(Area::Services, Caller::Service("charge"))
        .body("ReportedUsage", reported, json!({
            "id": "job-1", "source": "builder", "user_id": "user_…", "operation": "model.build", "quantity": 1,
        }))
        .body_as("application/cloudevents+json", "CloudEvent", cloud_event(), in_cloud.clone())
        .body_as("application/cloudevents-batch+json", "CloudEvents", cloud_events, json!([in_cloud]))
        .answers::<Answer>(json!({
            "event_id": "evt_0190a2b4c6d87e00a1b2c3d4e5f607192", "source": "builder", "id": "job-1", "credits": 50, "balance": 50, "seq": 2,
            "replayed": false, "price_version": 1,
        }))
        .with_schema("UsageEvent", event)
        .refuses(["insufficient_credits", "spend_limit_reached", "account_suspended", "not_found", "conflict"]);
    vec![operation]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_answers_in_order_and_counts() {
        let charged = |replayed| Charged {
            event_id: "evt_019000000000700080000000000000012".parse().unwrap(),
            source: "s".into(),
            id: "i".into(),
            credits: Credits::parse("0.1").unwrap(),
            balance: Credits::parse("99.9").unwrap(),
            seq: 2,
            replayed,
            price_version: 1,
        };
        let view = BatchView::new(vec![Ok(charged(false)), Err(Error::AccountSuspended), Ok(charged(true))]);
        assert_eq!((view.accepted, view.replayed, view.rejected), (1, 1, 1));
        let json = serde_json::to_string(&view.results[0]).unwrap();
        assert_eq!(
            json,
            r#"{"index":0,"status":200,"event_id":"evt_019000000000700080000000000000012","source":"s","id":"i","credits":0.1,"balance":99.9,"seq":2,"replayed":false,"price_version":1}"#
        );
        let json = serde_json::to_string(&view.results[1]).unwrap();
        assert!(
            json.starts_with(r#"{"index":1,"status":403,"error":{"code":"account_suspended","#),
            "{json}"
        );
    }

    #[test]
    fn a_list_has_a_thousand_items_at_most() {
        let list = |count: usize| {
            serde_json::from_str::<Box<RawValue>>(&format!("[{}]", vec!["1"; count].join(","))).unwrap()
        };
        assert_eq!(items(&list(1_000)).unwrap().len(), 1_000);
        assert_eq!(items(&list(1_001)).unwrap_err().status(), 413);
    }
}
