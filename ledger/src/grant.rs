//! Lots of credits and the order in which they burn.

use crate::credits::Credits;
use crate::time::Timestamp;

/// What a lot of credits was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GrantKind {
    Free = 1,
    Promo = 2,
    Plan = 3,
    Adjustment = 4,
    Purchase = 5,
}

impl GrantKind {
    /// In burn order: what was given is used up before what was paid for.
    pub const ALL: [Self; 5] = [Self::Free, Self::Promo, Self::Plan, Self::Adjustment, Self::Purchase];

    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Promo => "promo",
            Self::Plan => "plan",
            Self::Adjustment => "adjustment",
            Self::Purchase => "purchase",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Priority of a grant whose giver named none. Lower burns first; 0 to 1 000.
pub const DEFAULT_PRIORITY: u16 = 100;
/// The highest priority number.
pub const MAX_PRIORITY: u16 = 1_000;

/// What never changes about a grant; hashed with the entry that issues it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFacts {
    pub kind: GrantKind,
    pub priority: u16,
    pub effective_at: Timestamp,
    /// `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Who gave it: `operator`, a plan period, a payment.
    pub source: String,
    pub reason: String,
}

/// A grant and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The `seq` of the entry that issued it.
    pub seq: u64,
    pub amount: Credits,
    pub remaining: Credits,
    /// What of it has repaid debt and not been given back since.
    pub repaid: Credits,
    pub facts: GrantFacts,
    /// Why it was voided; what comes back to it is void.
    pub void_reason: Option<String>,
}

/// Sorts grants into the order in which they burn: priority, then what expires first (never = last), then kind, then
/// the oldest.
pub type BurnKey = (u16, i64, u8, u64);

impl Grant {
    /// A grant as it is issued.
    pub fn new(seq: u64, amount: Credits, facts: GrantFacts) -> Self {
        Self { seq, amount, remaining: amount, repaid: Credits::ZERO, facts, void_reason: None }
    }

    pub fn burn_key(&self) -> BurnKey {
        let expires_at = self.facts.expires_at.map_or(i64::MAX, Timestamp::micros);
        (self.facts.priority, expires_at, self.facts.kind.code(), self.seq)
    }

    /// Spendable while `effective_at ≤ at < expires_at`, and not void.
    pub fn is_spendable(&self, at: Timestamp) -> bool {
        self.facts.effective_at <= at && !self.is_expired(at) && self.void_reason.is_none()
    }

    pub fn is_expired(&self, at: Timestamp) -> bool {
        self.facts.expires_at.is_some_and(|expires_at| expires_at <= at)
    }
}

/// Why a grant can't be issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    #[error("credits must be more than zero")]
    Nothing,
    #[error("priority must be 0 to 1000")]
    Priority,
    #[error("expires_at must be later than effective_at and later than now")]
    AlreadyExpired,
    #[error("the account would hold more credits than can be counted")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(seq: u64, priority: u16, expires_at: Option<i64>, kind: GrantKind) -> Grant {
        let facts = GrantFacts {
            kind,
            priority,
            effective_at: Timestamp::from_micros(0),
            expires_at: expires_at.map(Timestamp::from_micros),
            source: "operator".into(),
            reason: String::new(),
        };
        Grant::new(seq, Credits::whole(1), facts)
    }

    #[test]
    fn burn_order_is_priority_then_expiry_then_kind_then_age() {
        let mut grants = vec![
            grant(1, 100, None, GrantKind::Purchase),
            grant(2, 100, None, GrantKind::Free),
            grant(3, 100, Some(50), GrantKind::Purchase),
            grant(4, 100, Some(40), GrantKind::Adjustment),
            grant(5, 10, None, GrantKind::Purchase),
            grant(6, 100, None, GrantKind::Free),
            grant(7, 100, None, GrantKind::Plan),
            grant(8, 100, None, GrantKind::Promo),
            grant(9, 100, None, GrantKind::Adjustment),
        ];
        grants.sort_by_key(Grant::burn_key);
        let order: Vec<u64> = grants.iter().map(|grant| grant.seq).collect();
        assert_eq!(order, [5, 4, 3, 2, 6, 8, 7, 9, 1]);
    }

    #[test]
    fn a_grant_is_spendable_from_its_first_instant_until_before_its_last() {
        let mut lot = grant(1, 100, Some(20), GrantKind::Free);
        lot.facts.effective_at = Timestamp::from_micros(10);
        let spendable: Vec<i64> =
            (8..23).filter(|at| lot.is_spendable(Timestamp::from_micros(*at))).collect();
        assert_eq!(spendable, (10..20).collect::<Vec<_>>());
    }
}
