//! Why a use case was refused: one closed list for REST, pages and commands, in order of precedence.

use std::borrow::Cow;
use std::collections::BTreeMap;

use app::backend::ConsoleError;
use app::backend::form::Errors;
use ledger::event::FieldError;
use ledger::wallet::Shortfall;
use ledger::{Credits, KeyId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::Rfc3339;
use crate::random::{SystemRandom, alphanumeric};
use crate::sequencer::job::{Busy, OverLimit, Refusal};
use crate::store::{HoldStatus, StoreError};

/// Field → the end of a sentence that begins with its name: `quantity` → `must not be negative`.
pub type Reasons = BTreeMap<Cow<'static, str>, Cow<'static, str>>;

/// `Display` is the public sentence; an internal cause is only ever logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unreadable, or a known field of the wrong type. A whole sentence.
    #[error("{0}")]
    InvalidRequest(Cow<'static, str>),
    #[error("No credentials were given. Send `Authorization: Bearer <key>` or `x-api-key: <key>`.")]
    Unauthorized,
    #[error("{0}")]
    InvalidKey(&'static str),
    #[error("This key has expired. Make a new one.")]
    ExpiredKey,
    #[error("This key has been revoked. Use another one.")]
    RevokedKey,
    /// `seq` is the account's last entry at that moment.
    #[error("Not enough credits: this costs {}, the balance is {}, {} are missing.", shortfall.required, shortfall.balance, shortfall.missing)]
    InsufficientCredits { shortfall: Shortfall, seq: u64 },
    #[error("{}", over_limit(.0))]
    SpendLimitReached(Box<OverLimit>),
    #[error("{0}")]
    Forbidden(&'static str),
    /// The caller is known and may not do this. A whole sentence.
    #[error("{0}")]
    InsufficientPermissions(Cow<'static, str>),
    #[error("This account is suspended. Ask the operator of this console.")]
    AccountSuspended,
    /// A key of an account that its user has deleted.
    #[error("This account is being deleted. Its owner can sign in and keep it.")]
    AccountClosing,
    #[error("The e-mail address is not verified yet.")]
    EmailNotVerified,
    /// Also for things of other accounts. The reasons name what was looked for.
    #[error("{}", sentence_or("This does not exist, or it belongs to another account.", details))]
    NotFound { details: Reasons },
    #[error("This path does not answer that method; see the Allow header.")]
    MethodNotAllowed,
    /// The fields whose value is taken.
    #[error("{}", sentence(details))]
    ResourceExists { details: Reasons },
    /// What is stored stands against it; the fields that differ.
    #[error("{message}")]
    Conflict { message: &'static str, fields: Vec<&'static str> },
    #[error("{0}")]
    PayloadTooLarge(&'static str),
    #[error("{0}")]
    UnsupportedMediaType(&'static str),
    #[error("{}", sentence(.0))]
    Validation(Reasons),
    #[error("Too many attempts. Try again in {}.", minutes(*retry_after_s))]
    RateLimited { retry_after_s: u64 },
    /// Of the API: a whole sentence says which limit.
    #[error("{message}")]
    LimitExceeded { message: &'static str, retry_after_s: u64 },
    /// Trying again after `retry_after_s` is safe and may help.
    #[error("The server is busy or stopping. The same request again is safe.")]
    Unavailable { retry_after_s: u64 },
    /// Our fault; the cause is for the log.
    #[error("Something went wrong on our side.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A refusal of one field.
    pub fn field(field: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Validation(Reasons::from([(field.into(), reason.into())]))
    }

    pub fn not_found() -> Self {
        Self::NotFound { details: Reasons::new() }
    }

    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_) => 400,
            Self::Unauthorized | Self::InvalidKey(_) | Self::ExpiredKey | Self::RevokedKey => 401,
            Self::InsufficientCredits { .. } | Self::SpendLimitReached(_) => 402,
            Self::Forbidden(_)
            | Self::InsufficientPermissions(_)
            | Self::AccountSuspended
            | Self::AccountClosing
            | Self::EmailNotVerified => 403,
            Self::NotFound { .. } => 404,
            Self::MethodNotAllowed => 405,
            Self::ResourceExists { .. } | Self::Conflict { .. } => 409,
            Self::PayloadTooLarge(_) => 413,
            Self::UnsupportedMediaType(_) => 415,
            Self::Validation(_) => 422,
            Self::RateLimited { .. } | Self::LimitExceeded { .. } => 429,
            Self::Internal(_) => 500,
            Self::Unavailable { .. } => 503,
        }
    }

    /// The word of the contract.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::Unauthorized => "unauthorized",
            Self::InvalidKey(_) => "invalid_key",
            Self::ExpiredKey => "expired_key",
            Self::RevokedKey => "revoked_key",
            Self::InsufficientCredits { .. } => "insufficient_credits",
            Self::SpendLimitReached(_) => "spend_limit_reached",
            Self::Forbidden(_) => "forbidden",
            Self::InsufficientPermissions(_) => "insufficient_permissions",
            Self::AccountSuspended | Self::AccountClosing => "account_suspended",
            Self::EmailNotVerified => "email_not_verified",
            Self::NotFound { .. } => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ResourceExists { .. } => "resource_exists",
            Self::Conflict { .. } => "conflict",
            Self::PayloadTooLarge(_) => "payload_too_large",
            Self::UnsupportedMediaType(_) => "unsupported_media_type",
            Self::Validation(_) => "validation_failed",
            Self::RateLimited { .. } => "rate_limited",
            Self::LimitExceeded { .. } => "rate_limit_exceeded",
            Self::Unavailable { .. } => "service_unavailable",
            Self::Internal(_) => "server_error",
        }
    }

    /// When to come back, in seconds.
    pub const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_s }
            | Self::LimitExceeded { retry_after_s, .. }
            | Self::Unavailable { retry_after_s } => Some(*retry_after_s),
            _ => None,
        }
    }

    /// What a program can act on.
    pub fn details(&self) -> Option<Details<'_>> {
        match self {
            Self::InsufficientCredits { shortfall, seq } => {
                Some(Details::Funds(Funds::new(*shortfall, *seq)))
            }
            Self::SpendLimitReached(over) => Some(Details::Limit(Box::new(LimitDetails::new(over)))),
            Self::NotFound { details } if details.is_empty() => None,
            Self::NotFound { details } | Self::ResourceExists { details } | Self::Validation(details) => {
                Some(Details::Reasons(details))
            }
            Self::Conflict { fields, .. } => Some(Details::Conflict { fields }),
            _ => None,
        }
    }
}

/// The `details` of an error's envelope.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Details<'a> {
    Funds(Funds),
    Limit(Box<LimitDetails>),
    Reasons(&'a Reasons),
    Conflict { fields: &'a [&'static str] },
}

/// What is missing and what helps, for a charge that the wallet can't pay.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Funds {
    pub balance: Credits,
    pub required: Credits,
    pub missing: Credits,
    pub seq: u64,
    pub actions: [Action; 2],
}

/// A way out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Action {
    pub action: &'static str,
    pub label: String,
    /// A page of this console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub href: Option<&'static str>,
}

impl Funds {
    pub fn new(shortfall: Shortfall, seq: u64) -> Self {
        let Shortfall { balance, required, missing } = shortfall;
        let add = format!("Add at least {missing} credits to the account, then send the same request again.");
        let look = "See what the credits were spent on.".to_owned();
        let actions = [
            Action { action: "add_credits", label: add, href: None },
            Action { action: "view_usage", label: look, href: Some("/usage") },
        ];
        Self { balance, required, missing, seq, actions }
    }
}

/// The same for a charge that a key's limit does not allow.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LimitDetails {
    /// What the account could spend.
    pub balance: Credits,
    pub required: Credits,
    /// By how much the limit is too low.
    pub missing: Credits,
    pub seq: u64,
    pub actions: [Action; 2],
    pub limit: ReachedView,
}

/// A limit as it stood.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReachedView {
    /// Of the paying key, or of one that it was made with.
    pub key_id: KeyId,
    pub amount: Credits,
    pub period: &'static str,
    pub mode: &'static str,
    /// In the period so far, with what is held.
    pub spent: Credits,
    pub period_start: Rfc3339,
    pub period_end: Rfc3339,
}

impl LimitDetails {
    pub fn new(over: &OverLimit) -> Self {
        let OverLimit { reached, required, balance, seq } = over;
        let (limit, missing, to) = (reached.limit, reached.missing, Rfc3339(reached.to));
        let raise = format!(
            "Raise the key's spend limit by at least {missing} credits, then send the same request again."
        );
        let wait = format!("Wait until {to}, when the limit begins anew.");
        let actions = [
            Action { action: "raise_limit", label: raise, href: Some("/settings/api-keys") },
            Action { action: "wait", label: wait, href: None },
        ];
        let limit = ReachedView {
            key_id: reached.key.clone(),
            amount: limit.amount,
            period: limit.period.name(),
            mode: limit.mode.name(),
            spent: reached.spent,
            period_start: Rfc3339(reached.from),
            period_end: to,
        };
        Self { balance: *balance, required: *required, missing, seq: *seq, actions, limit }
    }
}

fn over_limit(over: &OverLimit) -> String {
    let reached = &over.reached;
    let (amount, period) = (reached.limit.amount, reached.limit.period.name());
    format!(
        "The key's spend limit is reached: {amount} credits a {period}, of which {} are spent or held; this costs {}.",
        reached.spent, over.required
    )
}

/// A wait as people say it: `1 minute`, `42 minutes`.
pub fn minutes(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// All reasons in one sentence: `quantity must not be negative; id must have 1 to 128 characters.`
fn sentence(reasons: &Reasons) -> String {
    let clauses: Vec<String> = reasons.iter().map(|(field, reason)| format!("{field} {reason}")).collect();
    format!("{}.", clauses.join("; "))
}

fn sentence_or(usual: &str, reasons: &Reasons) -> String {
    if reasons.is_empty() { usual.to_owned() } else { sentence(reasons) }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::field(error.field, error.reason)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ServiceKeyRevoked => Self::RevokedKey,
            Refusal::Conflict { fields } => {
                let message = "An event with this source and id was charged with other content. Use a new id for a new event.";
                Self::Conflict { message, fields }
            }
            Refusal::UnknownPayer { field } => {
                let reason = if field == "api_key" { "is unknown, revoked or expired" } else { "is unknown" };
                Self::NotFound { details: Reasons::from([(field.into(), reason.into())]) }
            }
            Refusal::ReadOnlyKey => {
                Self::InsufficientPermissions("The payer's api_key is read_only; it can't spend.".into())
            }
            Refusal::Suspended => Self::AccountSuspended,
            Refusal::Time(error) => error.into(),
            Refusal::UnknownHold => {
                Self::NotFound { details: Reasons::from([("hold_id".into(), "is unknown".into())]) }
            }
            Refusal::UnknownEvent => Self::not_found(),
            Refusal::HoldClosed { status } => {
                let message = match status {
                    HoldStatus::Active => "This hold is open.",
                    HoldStatus::Settled => "This hold has been settled; it can't be closed in another way.",
                    HoldStatus::Released => "This hold has been released; it can't be closed in another way.",
                    HoldStatus::Expired => "This hold has reached its deadline and was released by itself.",
                };
                Self::Conflict { message, fields: vec!["status"] }
            }
            Refusal::AboveHold { held } => Self::field(
                "quantity",
                format!(
                    "is above the {held} that are held for; send allow_over true to take the rest from the balance"
                ),
            ),
            Refusal::NotBelow { quantity } => {
                Self::field("quantity", format!("must be below the {quantity} that the event counts with"))
            }
            Refusal::UnknownOperation { operation } => {
                Self::field("operation", format!("{operation:?} is not on the rate card; see GET /rate-card"))
            }
            Refusal::TooDear => Self::field("quantity", "costs more credits than can be counted"),
            Refusal::LimitReached(over) => Self::SpendLimitReached(over),
            Refusal::Insufficient { shortfall, seq } => Self::InsufficientCredits { shortfall, seq },
            Refusal::Failed => Self::internal(refusal),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stopped | StoreError::Lost(_) => Self::Unavailable { retry_after_s: 5 },
            StoreError::Database(_) | StoreError::Sqlite(_) if error.is_systemic() => {
                tracing::error!(%error, "the store is in trouble");
                Self::Unavailable { retry_after_s: 5 }
            }
            StoreError::Database(_)
            | StoreError::Sqlite(_)
            | StoreError::Thread(_)
            | StoreError::Corrupt { .. }
            | StoreError::Rows { .. }
            | StoreError::Raced
            | StoreError::Known => Self::internal(error),
        }
    }
}

impl From<Busy> for Error {
    fn from(_: Busy) -> Self {
        Self::Unavailable { retry_after_s: 1 }
    }
}

/// For pages; logs what they can't show, under the incident's id.
impl From<Error> for ConsoleError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthorized | Error::InvalidKey(_) | Error::ExpiredKey | Error::RevokedKey => {
                Self::Unauthorized
            }
            Error::NotFound { .. } => Self::NotFound,
            Error::Unavailable { .. } => Self::Unavailable,
            Error::Internal(cause) => {
                let incident = format!("inc_{}", alphanumeric(&SystemRandom, 8));
                tracing::error!(%incident, %cause, "a page failed");
                Self::Server { incident }
            }
            other => Self::Refused { status: other.status(), reasons: spoken(&other) },
        }
    }
}

/// What a form shows beside its fields, or above them all.
fn spoken(error: &Error) -> Errors {
    match error {
        Error::Validation(reasons) | Error::ResourceExists { details: reasons } => {
            let sentence = |field: &str, reason: &str| format!("{} {reason}.", label(field));
            reasons
                .iter()
                .map(|(field, reason)| (field.clone().into_owned(), sentence(field, reason)))
                .collect()
        }
        error => vec![(String::new(), error.to_string())],
    }
}

/// A field as its form names it: `expiration_days` → `Expiration days`, unless it has another name there.
fn label(field: &str) -> String {
    match field {
        "user_name" => "Username".to_owned(),
        "email" => "E-mail".to_owned(),
        "new_email" => "New e-mail".to_owned(),
        "expiration_days" => "Expiry".to_owned(),
        "key_id" => "Key".to_owned(),
        "limit" => "Spend limit".to_owned(),
        "overlap_s" => "Overlap".to_owned(),
        field => {
            let mut letters = field.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}", letters.as_str().replace('_', " "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortfall_says_what_is_missing_in_exact_numbers() {
        let credits = |text: &str| Credits::parse(text).unwrap();
        let shortfall =
            Shortfall { balance: credits("0.1"), required: credits("0.3"), missing: credits("0.2") };
        let error = Error::from(Refusal::Insufficient { shortfall, seq: 7 });
        assert_eq!((error.status(), error.code()), (402, "insufficient_credits"));
        let details = serde_json::to_string(&error.details()).unwrap();
        assert!(
            details.starts_with(r#"{"balance":0.1,"required":0.3,"missing":0.2,"seq":7,"actions":["#),
            "{details}"
        );
    }

    #[test]
    fn a_cause_never_reaches_the_public_sentence() {
        let error = Error::internal("SELECT secret FROM users");
        assert!(!error.to_string().contains("SELECT"));
        assert!(!ConsoleError::from(error).to_string().contains("SELECT"));
    }

    #[test]
    fn a_form_gets_each_error_with_the_name_that_its_field_has_there() {
        let error = Error::Validation(Reasons::from([
            ("user_name".into(), "is too long".into()),
            ("time_zone".into(), "is unknown".into()),
        ]));
        let pair = |field: &str, sentence: &str| (field.to_owned(), sentence.to_owned());
        let reasons =
            vec![pair("time_zone", "Time zone is unknown."), pair("user_name", "Username is too long.")];
        assert_eq!(ConsoleError::from(error), ConsoleError::Refused { status: 422, reasons });
        let error = ConsoleError::from(Error::RateLimited { retry_after_s: 59 });
        let reasons = vec![pair("", "Too many attempts. Try again in 1 minute.")];
        assert_eq!(error, ConsoleError::Refused { status: 429, reasons });
    }

    #[test]
    fn a_validation_names_every_field() {
        let error = Error::Validation(Reasons::from([
            ("quantity".into(), "must not be negative".into()),
            ("id".into(), "must have 1 to 128 characters".into()),
        ]));
        assert_eq!(error.to_string(), "id must have 1 to 128 characters; quantity must not be negative.");
        let details = serde_json::to_string(&error.details()).unwrap();
        assert_eq!(details, r#"{"id":"must have 1 to 128 characters","quantity":"must not be negative"}"#);
    }
}
