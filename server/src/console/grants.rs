//! Credits given and taken back by an operator.

use ledger::grant::{DEFAULT_PRIORITY, GrantError, GrantFacts, GrantKind};
use ledger::{AccountId, Credits, GrantId, Timestamp};

use super::{Console, Error};
use crate::sequencer::job::{GrantRefusal, Granted, NewGrant, Voided};

/// The longest reason, in characters.
const MAX_REASON: usize = 200;

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantForm {
    pub credits: Credits,
    pub kind: GrantKind,
    /// Why, for the books: 1–200 characters.
    pub reason: String,
    /// `None`: now.
    pub effective_at: Option<Timestamp>,
    /// `None`: never.
    pub expires_at: Option<Timestamp>,
    /// 0–1 000, lower burns first. `None`: 100.
    pub priority: Option<u16>,
}

impl Console {
    /// Gives an account a lot of credits; durable when this returns.
    ///
    /// Errors: no such account (404), a field out of range (422), busy (503).
    pub async fn grant(&self, account: AccountId, form: GrantForm) -> Result<Granted, Error> {
        let reason = reason(&form.reason)?;
        let facts = GrantFacts {
            kind: form.kind,
            priority: form.priority.unwrap_or(DEFAULT_PRIORITY),
            effective_at: form.effective_at.unwrap_or_else(|| self.clock.now()),
            expires_at: form.expires_at,
            source: "operator".to_owned(),
            reason,
        };
        let outcome = self.sequencer.issue(account, NewGrant { amount: form.credits, facts }).await?;
        Ok(outcome?)
    }

    /// Takes back what is left of a grant; durable when this returns.
    ///
    /// Errors: no such grant or nothing left of it (404), a bad reason (422), busy (503).
    pub async fn void_grant(&self, grant: GrantId, why: &str) -> Result<Voided, Error> {
        let outcome = self.sequencer.void(grant, reason(why)?).await?;
        Ok(outcome?)
    }
}

/// Reasons stand in the books for ever, so they are one readable line.
fn reason(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let readable =
        !text.is_empty() && text.chars().count() <= MAX_REASON && !text.chars().any(char::is_control);
    if readable {
        Ok(text.to_owned())
    } else {
        Err(Error::field("reason", "must be one line of 1 to 200 characters"))
    }
}

impl From<GrantRefusal> for Error {
    fn from(refusal: GrantRefusal) -> Self {
        let missing = |field: &'static str, why: &'static str| Self::NotFound {
            details: [(field.into(), why.into())].into(),
        };
        match refusal {
            GrantRefusal::UnknownAccount => missing("account_id", "is unknown"),
            GrantRefusal::NothingLeft => missing("grant_id", "is unknown, or nothing is left of it"),
            GrantRefusal::GivenBefore => Self::field("source", "was given to this account before"),
            GrantRefusal::Grant(GrantError::Nothing) => Self::field("credits", "must be more than zero"),
            GrantRefusal::Grant(GrantError::Priority) => Self::field("priority", "must be 0 to 1000"),
            GrantRefusal::Grant(GrantError::AlreadyExpired) => {
                Self::field("expires_at", "must be later than effective_at and later than now")
            }
            GrantRefusal::Grant(GrantError::TooLarge) => {
                Self::field("credits", "would give the account more than can be counted")
            }
            GrantRefusal::Failed => Self::internal(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_readable_line() {
        assert_eq!(reason("  welcome back ").unwrap(), "welcome back");
        assert!(reason(&"é".repeat(200)).is_ok());
        for bad in [String::new(), "  ".to_owned(), "a\nb".to_owned(), "é".repeat(201)] {
            assert_eq!(reason(&bad).unwrap_err().status(), 422, "{bad:?}");
        }
    }

    #[test]
    fn every_refusal_has_its_field() {
        let status = |refusal: GrantRefusal| Error::from(refusal).status();
        assert_eq!(status(GrantRefusal::UnknownAccount), 404);
        assert_eq!(status(GrantRefusal::NothingLeft), 404);
        for grant in
            [GrantError::Nothing, GrantError::Priority, GrantError::AlreadyExpired, GrantError::TooLarge]
        {
            assert_eq!(status(GrantRefusal::Grant(grant)), 422);
        }
        assert_eq!(status(GrantRefusal::Failed), 500);
    }
}
