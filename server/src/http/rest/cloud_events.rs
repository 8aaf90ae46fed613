//! CloudEvents 1.0 as reports of usage: each is read into the native form, by the code that reads the native form.
//!
//! | CloudEvents | native |
//! |---|---|
//! | `id`, `source` | the same, within the same limits |
//! | `type` | `operation` |
//! | `subject` | `user_id` or `account_id` |
//! | `time` | `occurred_at` |
//! | `data.quantity` | `quantity` |
//! | other text, number or boolean in `data` | one of `dimensions`, as it is written |
//!
//! Formats: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>. What is null is as good
//! as absent there. Extension attributes are allowed and mean nothing here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use serde_json::value::{RawValue, to_raw_value};

use super::report::{self, ReportedEvent};
use crate::console::{Error, Reasons};
use crate::http::json::{Fields, JsonBody, essence, media_type, shown, text, unstorable, wrong_type};
use crate::store::Payer;

const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
/// In binary mode the attributes are headers; these two are always among them.
const BINARY: [&str; 2] = ["ce-specversion", "ce-id"];

/// Attributes that have a meaning here, and the native fields they become.
const ATTRIBUTES: [(&str, &str); 4] =
    [("id", "id"), ("source", "source"), ("type", "operation"), ("time", "occurred_at")];

/// In what form events are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Native,
    CloudEvent,
    CloudEvents,
}

/// The body of a report; not read yet.
#[derive(Debug)]
pub struct ReportBody {
    pub form: Form,
    pub json: JsonBody,
}

impl<S: Sync> FromRequest<S> for ReportBody {
    type Rejection = Error;

    /// Errors: another content type, or binary mode (415); else as [`JsonBody`].
    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let form = Form::of(request.headers())?;
        Ok(Self { form, json: JsonBody::collect(request).await? })
    }
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let kind = media_type(headers);
        let is = |known: &str| kind.eq_ignore_ascii_case(known);
        if is(ONE) {
            Ok(Self::CloudEvent)
        } else if is(BATCH) {
            Ok(Self::CloudEvents)
        } else if BINARY.iter().any(|name| headers.contains_key(*name)) {
            Err(Error::UnsupportedMediaType(
                "CloudEvents in binary mode (ce- headers) are not read: send the whole event as application/cloudevents+json.",
            ))
        } else if is("application/json") {
            Ok(Self::Native)
        } else {
            Err(Error::UnsupportedMediaType(
                "The body must be JSON: send `Content-Type: application/json`, or CloudEvents as application/cloudevents+json or application/cloudevents-batch+json.",
            ))
        }
    }

    /// Whether the body is a list. Errors: a list where the content type says one event, or the other way round (400).
    pub fn is_list(self, body: &RawValue) -> Result<bool, Error> {
        let is_list = body.get().starts_with('[');
        match (self, is_list) {
            (Self::CloudEvent, true) => Err(Error::InvalidRequest(
                "The body is a list: send it as application/cloudevents-batch+json.".into(),
            )),
            (Self::CloudEvents, false) => Err(Error::InvalidRequest(
                "A batch is a list of CloudEvents: send one alone as application/cloudevents+json.".into(),
            )),
            (_, is_list) => Ok(is_list),
        }
    }

    /// Reads one event. Errors as [`report::event`], in the words of this form.
    pub fn event(self, item: &RawValue) -> Result<ReportedEvent, Error> {
        let fields = Fields::of(item)?;
        match self {
            Self::Native => report::event(fields),
            Self::CloudEvent | Self::CloudEvents => event(fields),
        }
    }

    /// A refusal in the words of this form.
    pub fn words(self, error: Error) -> Error {
        match self {
            Self::Native => error,
            Self::CloudEvent | Self::CloudEvents => in_words_of_cloud_events(error),
        }
    }
}

/// What a native field is called in a CloudEvent.
fn attribute(field: &str) -> Option<&'static str> {
    Some(match field {
        "operation" => "type",
        "occurred_at" => "time",
        "quantity" => "data.quantity",
        "dimensions" => "data",
        "payer" | "user_id" | "account_id" => "subject",
        _ => return None,
    })
}

fn in_words_of_cloud_events(error: Error) -> Error {
    let renamed = |reasons: Reasons| -> Reasons {
        let pairs = reasons.into_iter();
        pairs.map(|(field, reason)| (attribute(&field).map_or(field, Into::into), reason)).collect()
    };
    match error {
        Error::Validation(reasons) => Error::Validation(renamed(reasons)),
        Error::NotFound { details } => Error::NotFound { details: renamed(details) },
        Error::Conflict { message, fields } => {
            let fields = fields.into_iter().map(|field| attribute(field).unwrap_or(field)).collect();
            Error::Conflict { message, fields }
        }
        other => other,
    }
}

fn note(reasons: &mut Reasons, field: &'static str, reason: impl Into<Cow<'static, str>>) {
    reasons.entry(field.into()).or_insert(reason.into());
}

fn event(mut fields: Fields<'_>) -> Result<ReportedEvent, Error> {
    let mut reasons = Reasons::new();
    envelope(&mut fields, &mut reasons)?;
    let payer = subject(&mut fields, &mut reasons)?;
    let mut native = Fields::default();
    for (name, field) in ATTRIBUTES {
        if let Some(value) = fields.raw(name) {
            text(value).ok_or_else(|| wrong_type(name, "text"))?;
            native.push(field, value);
        }
    }
    let Data { quantity, dimensions } = Data::read(&mut fields, &mut reasons)?;
    extensions(fields, &mut reasons);
    if let Some(quantity) = quantity {
        native.push("quantity", quantity);
    }
    let dimensions = to_raw_value(&dimensions).map_err(Error::internal)?;
    native.push("dimensions", &dimensions);
    // Without a payer a reason is noted, and nobody is charged whatever stands here.
    let payer = payer.unwrap_or_else(|| Err(Error::not_found()));
    match report::event_of(Some(payer), native, Reasons::new()).map_err(in_words_of_cloud_events) {
        Err(Error::Validation(others)) => {
            for (field, reason) in others {
                reasons.entry(field).or_insert(reason);
            }
            Err(Error::Validation(reasons))
        }
        Ok(_) if !reasons.is_empty() => Err(Error::Validation(reasons)),
        read => read,
    }
}

/// What says how the rest is to be read.
fn envelope(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<(), Error> {
    match fields.text("specversion")?.as_deref() {
        Some("1.0") => {}
        Some(_) => note(reasons, "specversion", "must be \"1.0\""),
        None => note(reasons, "specversion", "is required and must be \"1.0\""),
    }
    let kind = fields.text("datacontenttype")?;
    if kind.is_some_and(|kind| !is_json(essence(&kind))) {
        note(reasons, "datacontenttype", "must be application/json: data is read as a JSON object");
    }
    if fields.raw("data_base64").is_some() {
        note(reasons, "data_base64", "is not read: send data as a JSON object");
    }
    fields.text("dataschema").map(drop)
}

fn is_json(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

/// A user's or an account's id. One that nobody can have names nobody: 404, as for one that nobody has.
fn subject(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<Option<Result<Payer, Error>>, Error> {
    let unknown = || Error::NotFound { details: Reasons::from([("subject".into(), "is unknown".into())]) };
    let Some(subject) = fields.text("subject")? else {
        note(reasons, "subject", "is required: the id of the user (user_…) or account (acct_…) that pays");
        return Ok(None);
    };
    if subject.starts_with("user_") {
        return Ok(Some(subject.parse().map(Payer::User).map_err(|_| unknown())));
    }
    if subject.starts_with("acct_") {
        return Ok(Some(subject.parse().map(Payer::Account).map_err(|_| unknown())));
    }
    note(reasons, "subject", "must be the id of a user (user_…) or of an account (acct_…)");
    Ok(None)
}

/// What `data` says.
#[derive(Default)]
struct Data<'a> {
    quantity: Option<&'a RawValue>,
    dimensions: BTreeMap<String, String>,
}

impl<'a> Data<'a> {
    /// Errors: a name given twice, a quantity that is neither a number nor text (400). All else is noted.
    fn read(fields: &mut Fields<'a>, reasons: &mut Reasons) -> Result<Self, Error> {
        let mut data = Self::default();
        let Some(value) = fields.raw("data") else {
            return Ok(data);
        };
        if !value.get().starts_with('{') {
            note(reasons, "data", "must be a JSON object with a quantity");
            return Ok(data);
        }
        let mut members = Fields::of(value)?;
        data.quantity = members.raw("quantity");
        if data.quantity.is_some_and(|value| text(value).is_none() && !is_number(value)) {
            return Err(wrong_type("data.quantity", "a number or a string of one"));
        }
        for (name, value) in members.into_pairs() {
            if value.get() == "null" {
                continue;
            }
            if let Some(text) = scalar(value) {
                if text.contains('\0') || name.contains('\0') {
                    return Err(unstorable(format!("data.{}", shown(&name).replace('\0', ""))));
                }
                data.dimensions.insert(name.into_owned(), text);
            } else {
                let field = format!("data.{}", shown(&name));
                reasons.insert(field.into(), "must be text, a number or a boolean".into());
            }
        }
        Ok(data)
    }
}

fn is_number(value: &RawValue) -> bool {
    value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Text as it reads, a number or a boolean as it is written; `None` for lists and objects.
fn scalar(value: &RawValue) -> Option<String> {
    if is_number(value) || matches!(value.get(), "true" | "false") {
        return Some(value.get().to_owned());
    }
    text(value).map(Into::into)
}

/// Extension attributes: they may be there, as the specification names and types them, and change nothing.
fn extensions(fields: Fields<'_>, reasons: &mut Reasons) {
    for (name, value) in fields.into_pairs() {
        let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let reason = if !is_name || name.is_empty() {
            "is no CloudEvents attribute: their names have lower-case letters and digits only"
        } else if scalar(value).is_none() && value.get() != "null" {
            "is no CloudEvents attribute: their values are text, numbers or booleans"
        } else {
            continue;
        };
        reasons.insert(shown(&name).into_owned().into(), reason.into());
    }
}

#[cfg(test)]
#[path = "cloud_events_tests.rs"]
mod tests;
