//! Carries out commands: the one place that both the socket of a server and a command on its own end in.

use std::fmt::Write as _;

use ledger::grant::GrantKind;

use super::command::{
    AdminAnswer, AdminCommand, CreateApiKey, CreateGrant, CreateServiceKey, CreateUser, GrantView, KeyList,
    KeyView, MailView, NewKey, OutboxView, RateCardView, ReportList, ReportedView, RevokedKey, StatsView,
    UserIds, UserStatus, VoidView,
};
use super::verify::verify;
use crate::calendar::Rfc3339;
use crate::console::api_keys::ApiKeyForm;
use crate::console::grants::GrantForm;
use crate::console::service_keys::ServiceKeyForm;
use crate::console::users::UserForm;
use crate::console::{Console, Error};
use crate::store::backup::CopyError;
use crate::store::{
    AccountStatus, OutboxRow, Permission, ProblemReportRow, Scopes, ServiceKeyRow, StoreError, Tier, UserRow,
};

/// Who commands are, in the audit log: whoever may write to the socket or the file.
const ACTOR: &str = "command line";

/// Why a command was refused, for the operator's eyes: unlike on the wire, a failure names its cause.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("{}", sentence(.0))]
    Console(#[from] Error),
    #[error(transparent)]
    Copy(#[from] CopyError),
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Console(error.into())
    }
}

fn sentence(error: &Error) -> String {
    match error {
        Error::NotFound { details } | Error::ResourceExists { details } if !details.is_empty() => {
            let mut text = String::new();
            for (place, (field, reason)) in details.iter().enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(text, "{}{field} {reason}", if place == 0 { "" } else { "; " });
            }
            text
        }
        Error::Internal(cause) => format!("the store failed: {cause}"),
        other => other.to_string(),
    }
}

/// Does what the command says. Whatever it changed is on disk when this returns, and known to every later request.
pub async fn execute(console: &Console, command: AdminCommand) -> Result<AdminAnswer, AdminError> {
    match command {
        AdminCommand::CreateUser(user) => create_user(console, user).await,
        AdminCommand::SuspendUser { email } => set_status(console, &email, AccountStatus::Suspended).await,
        AdminCommand::ActivateUser { email } => set_status(console, &email, AccountStatus::Active).await,
        AdminCommand::SetTier { email, tier } => set_tier(console, &email, &tier).await,
        AdminCommand::FindUser { email } => Ok(user_status(console.get_user_by_email(&email).await?)),
        AdminCommand::CreateServiceKey(key) => create_service_key(console, key).await,
        AdminCommand::ListServiceKeys => {
            let keys = console.list_service_keys().await?.into_iter().map(key_view).collect();
            Ok(AdminAnswer::ServiceKeys(KeyList { keys }))
        }
        AdminCommand::RotateServiceKey { key_id } => {
            let made = console.rotate_service_key(&key_id).await?;
            let key = made.secret.as_str().to_owned();
            Ok(AdminAnswer::KeyCreated(NewKey { key_id: made.key_id, key }))
        }
        AdminCommand::RevokeServiceKey { key_id } => {
            let revoked_at = Rfc3339(console.revoke_service_key(&key_id).await?).to_string();
            Ok(AdminAnswer::KeyRevoked(RevokedKey { key_id, status: "revoked".to_owned(), revoked_at }))
        }
        AdminCommand::CreateApiKey(key) => create_api_key(console, key).await,
        AdminCommand::Grant(grant) => give(console, grant).await,
        AdminCommand::VoidGrant { grant_id, reason } => {
            let void = console.void_grant(grant_id, &reason).await?;
            let view = VoidView { grant_id, credits: void.credits, balance: void.balance, seq: void.seq };
            Ok(AdminAnswer::Voided(view))
        }
        AdminCommand::Verify { account_id } => {
            Ok(AdminAnswer::Verified(verify(&console.store, account_id).await?))
        }
        AdminCommand::CopyStore { to } => {
            console.store.copy_to(to.clone()).await?;
            Ok(AdminAnswer::StoreCopied { to })
        }
        AdminCommand::ShowRateCard => show_rate_card(console).await,
        AdminCommand::ImportRateCard { effective_from, prices } => {
            let card = console.import_rate_card(effective_from, prices).await?;
            let (version, effective_from, prices) = (card.version, card.effective_from, card.prices);
            Ok(AdminAnswer::RateCard(RateCardView { version, effective_from, prices, coming: vec![] }))
        }
        AdminCommand::ListReports => {
            let reports = console.list_problem_reports().await?.into_iter().map(reported_view).collect();
            Ok(AdminAnswer::Reports(ReportList { reports }))
        }
        AdminCommand::Stats => stats(console).await,
        AdminCommand::OpenOutbox { email } => {
            let outbox = console.open_outbox(ACTOR, email.as_deref()).await?;
            let mails = outbox.mails.into_iter().map(mail_view).collect();
            Ok(AdminAnswer::Outbox(OutboxView { mails, smtp: outbox.smtp }))
        }
    }
}

async fn create_user(console: &Console, user: CreateUser) -> Result<AdminAnswer, AdminError> {
    let form = UserForm {
        email: user.email,
        name: user.name,
        user_name: user.user_name,
        password: user.password.0,
        is_verified: user.verified,
        is_operator: user.operator,
    };
    let made = console.create_user(form).await?;
    Ok(AdminAnswer::UserCreated(UserIds { user_id: made.user_id, account_id: made.account_id }))
}

async fn set_status(
    console: &Console,
    email: &str,
    status: AccountStatus,
) -> Result<AdminAnswer, AdminError> {
    Ok(user_status(console.set_user_status(email, status).await?))
}

async fn set_tier(console: &Console, email: &str, tier: &str) -> Result<AdminAnswer, AdminError> {
    let tier = match (tier, Tier::from_name(tier)) {
        ("none", _) => None,
        (_, Some(tier)) => Some(tier),
        (_, None) => return Err(Error::field("tier", "must be basic, pro or none").into()),
    };
    Ok(user_status(console.set_user_tier(email, tier).await?))
}

fn user_status(user: UserRow) -> AdminAnswer {
    AdminAnswer::User(UserStatus {
        user_id: user.id,
        account_id: user.account_id,
        email: user.email,
        status: user.account_status.name().to_owned(),
        tier: user.tier.map(|tier| tier.name().to_owned()),
    })
}

async fn create_service_key(console: &Console, key: CreateServiceKey) -> Result<AdminAnswer, AdminError> {
    let scopes = key.scopes.map_or(Ok(Scopes::usual()), |scopes| scopes.parse());
    let scopes = scopes.map_err(|error| Error::field("scopes", error.to_string()))?;
    let form = ServiceKeyForm { name: key.name, scopes, source: key.source, debt_limit: key.debt_limit };
    let made = console.create_service_key(form).await?;
    Ok(AdminAnswer::KeyCreated(NewKey { key_id: made.key_id, key: made.secret.as_str().to_owned() }))
}

fn key_view(key: ServiceKeyRow) -> KeyView {
    KeyView {
        status: if key.revoked_at.is_some() { "revoked" } else { "active" }.to_owned(),
        scopes: key.scopes.names().map(str::to_owned).collect(),
        key_id: key.id,
        name: key.name,
        key_prefix: key.key_prefix,
        key_suffix: key.key_suffix,
        source: key.source,
        debt_limit: key.debt_limit,
        created_at: Rfc3339(key.created_at).to_string(),
        revoked_at: key.revoked_at.map(|at| Rfc3339(at).to_string()),
    }
}

async fn create_api_key(console: &Console, key: CreateApiKey) -> Result<AdminAnswer, AdminError> {
    let unknown = || Error::field("permission", "must be read_only or read_write");
    let permission = Permission::from_name(&key.permission).ok_or_else(unknown)?;
    let user = console.get_user_by_email(&key.email).await?;
    let form = ApiKeyForm { name: key.name, permission, expiration_days: None, limit: None };
    let made = console.create_api_key(&user, form).await?;
    Ok(AdminAnswer::KeyCreated(NewKey { key_id: made.key.id, key: made.secret.as_str().to_owned() }))
}

async fn give(console: &Console, grant: CreateGrant) -> Result<AdminAnswer, AdminError> {
    let unknown = || Error::field("kind", "must be free, promo, plan, adjustment or purchase");
    let kind = GrantKind::from_name(&grant.kind).ok_or_else(unknown)?;
    let account_id = console.get_user_by_email(&grant.email).await?.account_id;
    let form = GrantForm {
        credits: grant.credits,
        kind,
        reason: grant.reason,
        effective_at: grant.effective_at,
        expires_at: grant.expires_at,
        priority: grant.priority,
    };
    let given = console.grant(account_id, form).await?;
    Ok(AdminAnswer::Granted(GrantView {
        grant_id: given.grant_id,
        account_id,
        credits: given.amount,
        kind: given.facts.kind.name().to_owned(),
        priority: given.facts.priority,
        effective_at: Rfc3339(given.facts.effective_at).to_string(),
        expires_at: given.facts.expires_at.map(|at| Rfc3339(at).to_string()),
        reason: given.facts.reason,
        balance: given.balance,
        seq: given.seq,
    }))
}

async fn show_rate_card(console: &Console) -> Result<AdminAnswer, AdminError> {
    let cards = console.rate_cards().await?;
    let card = cards.at(console.clock.now());
    let later = cards.versions().iter().filter(|other| other.effective_from > card.effective_from);
    Ok(AdminAnswer::RateCard(RateCardView {
        version: card.version,
        effective_from: card.effective_from,
        prices: card.prices.clone(),
        coming: later.map(|other| (other.version, other.effective_from)).collect(),
    }))
}

fn reported_view(report: ProblemReportRow) -> ReportedView {
    ReportedView {
        reported_at: Rfc3339(report.created_at).to_string(),
        event_id: report.event_id,
        email: report.email,
        text: report.text,
    }
}

async fn stats(console: &Console) -> Result<AdminAnswer, AdminError> {
    let stats = console.store.stats().await?;
    Ok(AdminAnswer::Stats(StatsView {
        accounts: stats.accounts,
        users: stats.users,
        entries: stats.entries,
        events: stats.events,
        issued: stats.issued,
        spent: stats.spent,
        expired: stats.expired,
        voided: stats.voided,
        remaining: stats.remaining,
        held: stats.held,
        debt: stats.debt,
    }))
}

fn mail_view(mail: OutboxRow) -> MailView {
    MailView {
        status: if mail.failed_at.is_some() { "erased" } else { "waiting" }.to_owned(),
        mail_id: mail.id,
        email: mail.recipient,
        kind: mail.kind,
        subject: mail.subject,
        link: mail.link,
        created_at: Rfc3339(mail.created_at).to_string(),
        attempts: mail.attempts,
        last_error: mail.last_error,
    }
}
