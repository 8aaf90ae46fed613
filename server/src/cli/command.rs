//! What a command asks of the books, and what it is told: the same whether a running server answers over its socket or
//! the command opens the store itself.

use std::fmt;
use std::path::PathBuf;

use ledger::rate::Price;
use ledger::{AccountId, Credits, EventId, GrantId, KeyId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// A change or a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminCommand {
    CreateUser(CreateUser),
    SuspendUser {
        email: String,
    },
    ActivateUser {
        email: String,
    },
    SetTier {
        email: String,
        /// `basic`, `pro` or `none`.
        tier: String,
    },
    FindUser {
        email: String,
    },
    CreateServiceKey(CreateServiceKey),
    ListServiceKeys,
    RotateServiceKey {
        key_id: KeyId,
    },
    RevokeServiceKey {
        key_id: KeyId,
    },
    CreateApiKey(CreateApiKey),
    Grant(CreateGrant),
    VoidGrant {
        grant_id: GrantId,
        reason: String,
    },
    /// One account, or all.
    Verify {
        account_id: Option<AccountId>,
    },
    ShowRateCard,
    ImportRateCard {
        effective_from: Timestamp,
        prices: Vec<Price>,
    },
    ListReports,
    Stats,
    /// Into a new file; the path is absolute.
    CopyStore {
        to: PathBuf,
    },
    /// To one address, or to all.
    OpenOutbox {
        email: Option<String>,
    },
}

impl AdminCommand {
    /// Whether it makes sense before there is a console: it is how one is set up.
    pub const fn may_come_first(&self) -> bool {
        matches!(
            self,
            Self::CreateUser(_)
                | Self::CreateServiceKey(_)
                | Self::ShowRateCard
                | Self::ImportRateCard { .. }
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUser {
    pub email: String,
    pub name: String,
    pub user_name: String,
    pub password: Secret,
    pub verified: bool,
    pub operator: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateServiceKey {
    pub name: String,
    /// Names with commas or spaces between them; `None`: the usual ones.
    pub scopes: Option<String>,
    /// The only source it may report for.
    pub source: Option<String>,
    /// Up to which debt it may let an account owe.
    #[serde(default)]
    pub debt_limit: Option<Credits>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateApiKey {
    pub email: String,
    pub name: String,
    /// `read_only` or `read_write`.
    pub permission: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateGrant {
    pub email: String,
    pub credits: Credits,
    /// A name of [`ledger::grant::GrantKind`].
    pub kind: String,
    pub reason: String,
    pub effective_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub priority: Option<u16>,
}

/// A password on its way to be hashed; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// The answer to an [`AdminCommand`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminAnswer {
    UserCreated(UserIds),
    User(UserStatus),
    /// The one time that the secret is shown.
    KeyCreated(NewKey),
    ServiceKeys(KeyList),
    KeyRevoked(RevokedKey),
    Granted(GrantView),
    Voided(VoidView),
    Verified(Verdict),
    RateCard(RateCardView),
    Reports(ReportList),
    Stats(StatsView),
    Outbox(OutboxView),
    /// A copy is on disk; nobody has looked at it yet.
    StoreCopied {
        to: PathBuf,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIds {
    pub user_id: UserId,
    pub account_id: AccountId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStatus {
    pub user_id: UserId,
    pub account_id: AccountId,
    pub email: String,
    /// `active` or `suspended`.
    pub status: String,
    /// `basic` or `pro`; nothing for accounts without a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    pub key_id: KeyId,
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    pub keys: Vec<KeyView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    pub key_id: KeyId,
    pub name: String,
    pub key_prefix: String,
    pub key_suffix: String,
    pub scopes: Vec<String>,
    pub source: Option<String>,
    /// Up to which debt it may let an account owe, in credits.
    pub debt_limit: Option<Credits>,
    /// RFC 3339, as all times below.
    pub created_at: String,
    pub revoked_at: Option<String>,
    /// `active` or `revoked`.
    pub status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedKey {
    pub key_id: KeyId,
    pub status: String,
    pub revoked_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantView {
    pub grant_id: GrantId,
    pub account_id: AccountId,
    pub credits: Credits,
    pub kind: String,
    pub priority: u16,
    pub effective_at: String,
    pub expires_at: Option<String>,
    pub reason: String,
    /// What can be spent right after.
    pub balance: Credits,
    pub seq: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidView {
    pub grant_id: GrantId,
    /// What was taken back.
    pub credits: Credits,
    pub balance: Credits,
    pub seq: u64,
}

/// What `verify` found: `issued + debt = remaining + held + spent + expired + voided` over all accounts looked at, or the
/// first mismatch. A sum above what can be counted stays at the end of its range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub ok: bool,
    /// Looked at without a mismatch.
    pub accounts: u64,
    pub entries: u64,
    pub issued: Credits,
    pub remaining: Credits,
    pub spent: Credits,
    pub expired: Credits,
    pub voided: Credits,
    pub held: Credits,
    pub debt: Credits,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mismatch: Option<MismatchView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MismatchView {
    pub account_id: AccountId,
    pub seq: u64,
    pub fault: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCardView {
    pub version: u32,
    pub effective_from: Timestamp,
    pub prices: Vec<Price>,
    /// Version and start of those that are not in force yet.
    pub coming: Vec<(u32, Timestamp)>,
}

/// What customers find wrong, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportList {
    pub reports: Vec<ReportedView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedView {
    /// RFC 3339.
    pub reported_at: String,
    pub event_id: EventId,
    /// Of who sent it.
    pub email: String,
    pub text: String,
}

/// Figures over all accounts; `remaining` is what is left of all grants, effective or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsView {
    pub accounts: u64,
    pub users: u64,
    pub entries: u64,
    pub events: u64,
    pub issued: Credits,
    pub spent: Credits,
    pub expired: Credits,
    pub voided: Credits,
    pub remaining: Credits,
    pub held: Credits,
    pub debt: Credits,
}

/// What SMTP has not delivered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxView {
    /// The newest first.
    pub mails: Vec<MailView>,
    /// A mail server is configured; links are not shown then.
    pub smtp: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailView {
    pub mail_id: String,
    pub email: String,
    pub kind: String,
    pub subject: String,
    /// `waiting`, or `erased` once it was given up.
    pub status: String,
    pub link: Option<String>,
    pub created_at: String,
    pub attempts: u64,
    pub last_error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_answers_survive_the_socket_exactly() {
        let command = AdminCommand::Grant(CreateGrant {
            email: "ada@example.org".to_owned(),
            credits: Credits::MAX,
            kind: "promo".to_owned(),
            reason: "a \"line\"\n".to_owned(),
            effective_at: Some(Timestamp::from_micros(-1)),
            expires_at: None,
            priority: Some(7),
        });
        let line = serde_json::to_string(&command).unwrap();
        assert!(!line.contains('\n') && line.contains("9007199254.740991"), "{line}");
        assert_eq!(serde_json::from_str::<AdminCommand>(&line).unwrap(), command);
        let prices = ledger::rate::RateCard::example().prices;
        let command = AdminCommand::ImportRateCard { effective_from: Timestamp::from_micros(5), prices };
        let line = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<AdminCommand>(&line).unwrap(), command);
    }

    #[test]
    fn a_password_is_not_printed() {
        let user = CreateUser {
            email: String::new(),
            name: String::new(),
            user_name: String::new(),
            password: Secret("correct horse".to_owned()),
            verified: true,
            operator: false,
        };
        assert!(!format!("{:?}", AdminCommand::CreateUser(user)).contains("horse"));
    }
}
