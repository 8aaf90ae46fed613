//! What services send: an event, or a question about one, as JSON fields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger::Quantity;
use ledger::credits::DecimalError;
use ledger::event::{Dimensions, EventKey, HOLD_S, MAX_HOLD_S, Report};
use serde_json::value::RawValue;

use crate::auth::tokens::hash;
use crate::calendar::parse_rfc3339;
use crate::console::{Error, Reasons};
use crate::http::json::{Fields, storable, text, unstorable, wrong_type};
use crate::store::Payer;

/// No operation has a longer name.
const MAX_OPERATION: usize = 128;
/// The fields that can name the payer.
const PAYERS: [&str; 3] = ["user_id", "account_id", "api_key"];

/// An event whose shape is right. Whether its payer can exist is asked after the key's source.
#[derive(Debug)]
pub struct ReportedEvent {
    pub report: Report,
    pub payer: Result<Payer, Error>,
    pub on_insufficient: OnInsufficient,
}

/// What becomes of an event that the wallet can't pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInsufficient {
    Reject,
    /// The rest is owed, within the limit of the service's key.
    Debt,
}

/// A question whose shape is right.
#[derive(Debug)]
pub struct Question {
    pub payer: Result<Payer, Error>,
    pub operation: String,
    pub quantity: Quantity,
}

/// Reads an event. Errors: a known field of the wrong type (400); fields that are missing, out of range or unknown (422,
/// each by name).
pub fn event(mut fields: Fields<'_>) -> Result<ReportedEvent, Error> {
    let mut reasons = Reasons::new();
    let payer = payer(&mut fields, &mut reasons)?;
    event_of(payer, fields, reasons)
}

/// Reads the rest of an event whose payer has been read; without one, a reason has been noted. Errors as [`event`].
pub fn event_of(
    payer: Option<Result<Payer, Error>>,
    mut fields: Fields<'_>,
    mut reasons: Reasons,
) -> Result<ReportedEvent, Error> {
    let key = event_key(&mut fields, &mut reasons)?;
    let operation = operation(&mut fields, &mut reasons)?;
    let quantity = quantity(&mut fields, &mut reasons)?;
    let dimensions = dimensions(&mut fields, &mut reasons)?;
    let occurred_at = match fields.text("occurred_at")? {
        Some(text) => parse_rfc3339(&text).map_err(|error| note(&mut reasons, "occurred_at", error)).ok(),
        None => None,
    };
    let on_insufficient = on_insufficient(&mut fields, &mut reasons)?;
    fields.finish(reasons)?;
    let (Some(key), Some(quantity), Some(payer)) = (key, quantity, payer) else {
        // Each of them has noted a reason when it is missing, and `finish` has refused them.
        return Err(Error::internal("an event without key, quantity or payer passed"));
    };
    let report = Report { key, operation, quantity, dimensions, occurred_at };
    Ok(ReportedEvent { report, payer, on_insufficient })
}

/// Reads the question of `POST /usage/check`. Errors as [`event`].
pub fn question(mut fields: Fields<'_>) -> Result<Question, Error> {
    let mut reasons = Reasons::new();
    let operation = operation(&mut fields, &mut reasons)?;
    let quantity = quantity(&mut fields, &mut reasons)?;
    let payer = payer(&mut fields, &mut reasons)?;
    fields.finish(reasons)?;
    let (Some(quantity), Some(payer)) = (quantity, payer) else {
        return Err(Error::internal("a question without quantity or payer passed"));
    };
    Ok(Question { payer, operation, quantity })
}

/// A hold whose shape is right.
#[derive(Debug)]
pub struct AskedHold {
    pub event: ReportedEvent,
    pub expires_in_s: i64,
}

/// Reads a hold. Errors as [`event`].
pub fn hold(mut fields: Fields<'_>) -> Result<AskedHold, Error> {
    let mut reasons = Reasons::new();
    let payer = payer(&mut fields, &mut reasons)?;
    let key = event_key(&mut fields, &mut reasons)?;
    let operation = operation(&mut fields, &mut reasons)?;
    let quantity = quantity(&mut fields, &mut reasons)?;
    let dimensions = dimensions(&mut fields, &mut reasons)?;
    let seconds = fields.whole("expires_in_s", &mut reasons)?.unwrap_or(HOLD_S);
    if seconds == 0 || seconds > MAX_HOLD_S {
        note(&mut reasons, "expires_in_s", format!("must be 1 to {MAX_HOLD_S} seconds"));
    }
    fields.finish(reasons)?;
    let (Some(key), Some(quantity), Some(payer)) = (key, quantity, payer) else {
        return Err(Error::internal("a hold without key, quantity or payer passed"));
    };
    let report = Report { key, operation, quantity, dimensions, occurred_at: None };
    let event = ReportedEvent { report, payer, on_insufficient: OnInsufficient::Reject };
    Ok(AskedHold { event, expires_in_s: i64::try_from(seconds).unwrap_or(i64::MAX) })
}

/// How to settle a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedSettlement {
    pub quantity: Quantity,
    pub allow_over: bool,
}

/// Reads a settlement. Errors as [`event`].
pub fn settlement(mut fields: Fields<'_>) -> Result<AskedSettlement, Error> {
    let mut reasons = Reasons::new();
    let quantity = quantity(&mut fields, &mut reasons)?;
    let allow_over = fields.flag("allow_over")?.unwrap_or(false);
    fields.finish(reasons)?;
    let quantity = quantity.ok_or_else(|| Error::internal("a settlement without quantity passed"))?;
    Ok(AskedSettlement { quantity, allow_over })
}

/// A correction whose shape is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedCorrection {
    pub id: String,
    pub quantity: Quantity,
    pub reason: String,
}

/// The longest reason of a correction, in characters.
const MAX_REASON: usize = 500;

/// Reads a correction. Errors as [`event`].
pub fn correction(mut fields: Fields<'_>) -> Result<AskedCorrection, Error> {
    let mut reasons = Reasons::new();
    let id = fields.required_text("id", &mut reasons)?.into_owned();
    // A correction's id is made as an event's.
    if let Err(error) = EventKey::parse("any", &id) {
        note(&mut reasons, error.field, error.reason);
    }
    let quantity = quantity(&mut fields, &mut reasons)?;
    let reason = fields.required_text("reason", &mut reasons)?.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        note(&mut reasons, "reason", format!("must have 1 to {MAX_REASON} characters"));
    }
    fields.finish(reasons)?;
    let quantity = quantity.ok_or_else(|| Error::internal("a correction without quantity passed"))?;
    Ok(AskedCorrection { id, quantity, reason })
}

/// Reads an operation and how much of it. Errors as [`event`].
pub fn amount(mut fields: Fields<'_>) -> Result<(String, Quantity), Error> {
    let mut reasons = Reasons::new();
    let operation = operation(&mut fields, &mut reasons)?;
    let quantity = quantity(&mut fields, &mut reasons)?;
    fields.finish(reasons)?;
    let quantity = quantity.ok_or_else(|| Error::internal("an amount without quantity passed"))?;
    Ok((operation, quantity))
}

fn note(reasons: &mut Reasons, field: &'static str, reason: impl std::fmt::Display) {
    reasons.entry(field.into()).or_insert(reason.to_string().into());
}

fn event_key(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<Option<EventKey>, Error> {
    let id = fields.required_text("id", reasons)?;
    let source = fields.required_text("source", reasons)?;
    match EventKey::parse(&source, &id) {
        Ok(key) => return Ok(Some(key)),
        Err(error) => note(reasons, error.field, error.reason),
    }
    // The first reason may hide one of the other field.
    if let Err(error) = EventKey::parse("any", &id) {
        note(reasons, error.field, error.reason);
    }
    Ok(None)
}

fn operation(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<String, Error> {
    let operation = fields.required_text("operation", reasons)?;
    if operation.is_empty() || operation.len() > MAX_OPERATION {
        note(reasons, "operation", format!("must have 1 to {MAX_OPERATION} characters"));
    }
    Ok(operation.into_owned())
}

/// A JSON number or a string of one, read from its own text. A string that is no number is of the right type and out of
/// range.
fn quantity(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<Option<Quantity>, Error> {
    let Some(value) = fields.given("quantity") else {
        note(reasons, "quantity", "is required");
        return Ok(None);
    };
    let written = match value.get().as_bytes().first() {
        Some(b'"') => text(value).unwrap_or_default(),
        Some(b'-' | b'0'..=b'9') => Cow::Borrowed(value.get()),
        _ => return Err(wrong_type("quantity", "a number or a string of one")),
    };
    let read = Quantity::parse(&written).map_err(|error| {
        let range = if error == DecimalError::TooLarge { "; the largest is 1000000000" } else { "" };
        note(reasons, "quantity", format!("{error}{range}"));
    });
    Ok(read.ok())
}

/// Exactly one field names the payer. An id that can't be one names nobody: 404, as for one that nobody has.
fn payer(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<Option<Result<Payer, Error>>, Error> {
    let mut given = [None, None, None];
    for (place, field) in given.iter_mut().zip(PAYERS) {
        *place = fields.text(field)?;
    }
    let count = given.iter().flatten().count();
    if count != 1 {
        let only = PAYERS.iter().zip(&given).filter(|(_, value)| count == 0 || value.is_some());
        let reason = if count == 0 {
            "is missing: name the payer by one of user_id, account_id and api_key"
        } else {
            "is one of several payers: give exactly one of user_id, account_id and api_key"
        };
        for (field, _) in only {
            note(reasons, field, reason);
        }
        return Ok(None);
    }
    let [user, account, key] = given;
    let unknown = |field: &'static str| Error::NotFound {
        details: Reasons::from([(field.into(), "is unknown".into())]),
    };
    Ok(match (user, account, key) {
        (Some(user), ..) => Some(user.parse().map(Payer::User).map_err(|_| unknown("user_id"))),
        (_, Some(account), _) => Some(account.parse().map(Payer::Account).map_err(|_| unknown("account_id"))),
        (_, _, Some(key)) => Some(Ok(Payer::ApiKey(hash(&key)))),
        _ => None,
    })
}

fn dimensions(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<Dimensions, Error> {
    let Some(value) = fields.raw("dimensions") else { return Ok(Dimensions::default()) };
    let pairs = pairs_of_text(value)?;
    Ok(Dimensions::parse(pairs).map_err(|error| note(reasons, error.field, error.reason)).unwrap_or_default())
}

fn pairs_of_text(value: &RawValue) -> Result<BTreeMap<String, String>, Error> {
    if !value.get().starts_with('{') {
        return Err(wrong_type("dimensions", "an object of texts"));
    }
    let pair = |(name, value): (Cow<'_, str>, &RawValue)| {
        let text = storable(&format!("dimensions.{name}"), value)?.into_owned();
        if name.contains('\0') {
            Err(unstorable("dimensions".to_owned()))
        } else {
            Ok((name.into_owned(), text))
        }
    };
    Fields::of(value)?.into_pairs().map(pair).collect()
}

fn on_insufficient(fields: &mut Fields<'_>, reasons: &mut Reasons) -> Result<OnInsufficient, Error> {
    match fields.text("on_insufficient")?.as_deref() {
        None | Some("reject") => {}
        Some("debt") => return Ok(OnInsufficient::Debt),
        Some(_) => note(reasons, "on_insufficient", "must be reject or debt"),
    }
    Ok(OnInsufficient::Reject)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
