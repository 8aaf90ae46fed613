//! What operators do, asked for and answered in plain numbers and JSON, for tests that know none of our types.

use ledger::grant::GrantKind;
use ledger::rate::Price;
use ledger::{Credits, GrantId, Timestamp};
use serde_json::{Value, json};
use server::console::Error;
use server::console::grants::GrantForm;
use server::store::{AccountStatus, Scope, Scopes};

use super::{Member, Service, World};

/// A grant to give; amounts in micro-credits, times in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct PlainGrant {
    pub amount: i64,
    pub kind: &'static str,
    pub priority: u16,
    pub effective_at: Option<i64>,
    pub expires_at: Option<i64>,
}

/// The body of a success, or status and code of a refusal.
pub type Told = Result<Value, (u16, &'static str)>;

fn told<T>(outcome: Result<T, Error>, body: impl FnOnce(T) -> Value) -> Told {
    outcome.map(body).map_err(|error| (error.status(), error.code()))
}

impl World {
    /// What time it is.
    pub fn now_micros(&self) -> i64 {
        server::clock::Clock::now(&*self.clock).micros()
    }

    /// A key for one source or any, under which accounts may owe so many micro-credits.
    pub async fn service_plain(&self, source: Option<&str>, debt_limit: Option<i64>) -> Service {
        let limit = debt_limit.map(|limit| Credits::from_micros(limit).expect("an amount").to_string());
        self.service_that_may_owe(Scopes::of(Scope::ALL), source, limit.as_deref()).await
    }

    pub async fn give_plain(&self, member: &Member, grant: PlainGrant) -> Told {
        let form = GrantForm {
            credits: Credits::from_micros(grant.amount).expect("an amount"),
            kind: *GrantKind::ALL.iter().find(|kind| kind.name() == grant.kind).expect("a kind"),
            reason: "for a test".to_owned(),
            effective_at: grant.effective_at.map(Timestamp::from_micros),
            expires_at: grant.expires_at.map(Timestamp::from_micros),
            priority: Some(grant.priority),
        };
        let given = self.console.grant(member.account, form).await;
        told(given, |given| json!({"credits": given.amount, "balance": given.balance, "seq": given.seq}))
    }

    /// Takes back the grant that this entry of the account issued.
    pub async fn void_plain(&self, member: &Member, seq: u64) -> Told {
        let grant = GrantId { account: member.account, seq };
        let voided = self.console.void_grant(grant, "a mistake").await;
        told(
            voided,
            |voided| json!({"credits": voided.credits, "balance": voided.balance, "seq": voided.seq}),
        )
    }

    pub async fn suspend_plain(&self, member: &Member, suspended: bool) -> Told {
        let status = if suspended { AccountStatus::Suspended } else { AccountStatus::Active };
        let changed = self.console.set_user_status(&member.row.email, status).await;
        told(changed, |_| json!({}))
    }

    /// A version of the rate card, its prices as JSON.
    pub async fn import_plain(&self, from: i64, prices: &str) -> Told {
        let prices: Vec<Price> = serde_json::from_str(prices).expect("prices");
        let imported = self.console.import_rate_card(Timestamp::from_micros(from), prices).await;
        told(imported, |card| json!({"version": card.version}))
    }
}
