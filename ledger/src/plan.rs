//! Plans: credits for each month or year, at a price.
//!
//! | module | decides |
//! |---|---|
//! | this | what a plan is, and which set of plans an operator may offer |
//! | [`subscription`] | what an account has: choosing, cancelling, resuming, payments that fail |
//! | `proration` | what a change in the middle of a period costs and gives |
//! | `renewal` | the periods that have begun since somebody looked |
//!
//! Nothing here knows a clock, a zone or a payment: each act is a function from a [`Subscription`] and an instant to the
//! subscription after it and [`Step`]s, which say what to invoice and what to grant.
//!
//! ```
//! use ledger::day::Utc;
//! use ledger::plan::{Chooser, Plans, Subscription};
//! use ledger::{Timestamp, time::DAY};
//!
//! let (plans, now) = (Plans::example(), Timestamp::from_micros(1_796_083_200_000_000)); // 2026-12-01
//! let professional = "professional".parse()?;
//! let joined = Subscription::default().choose(&plans, &Utc, &professional, Chooser::Customer, now)?;
//! let step = &joined.steps[0];
//! assert_eq!(step.lines[0].text(), "Professional, 2026-12-01 to 2026-12-31, 5000 credits");
//! assert_eq!(step.due().map(|due| due.to_string()).as_deref(), Some("49.00 EUR"));
//! assert_eq!(step.id(), "plan:1");
//!
//! let renewed = joined.after.renew(&plans, &Utc, now.saturating_add(40 * DAY))?;
//! assert_eq!((renewed.steps.len(), renewed.steps[0].id().as_str()), (1, "plan:2"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod example;
mod offers;
mod proration;
mod renewal;
pub mod subscription;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::offers::{
    DEFAULT_GRACE_DAYS, MAX_GRACE_DAYS, MAX_PRICE, MAX_ROLLOVER, Plans, PlansError, Problem,
};
pub(crate) use self::offers::{check_name, check_price};
pub use self::renewal::Renewed;
pub use self::subscription::{
    Chooser, Current, Decision, Next, Period, Refusal, Segment, Step, Subscription, Terms,
};
use crate::credits::Credits;
use crate::grant::{GrantFacts, GrantKind};
use crate::money::Money;

/// How long one period lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    Month,
    Year,
}

impl Every {
    pub const ALL: [Self; 2] = [Self::Month, Self::Year];

    /// The name on the wire and in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|every| every.name() == name)
    }

    pub const fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
        }
    }
}

/// Who may choose a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Every customer.
    Open,
    /// Operators, for a customer they have agreed with; it isn't shown.
    ByOperator,
    /// Nobody any more. Who has it keeps it.
    Withdrawn,
}

impl Availability {
    pub const ALL: [Self; 3] = [Self::Open, Self::ByOperator, Self::Withdrawn];

    /// The name on the wire and in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ByOperator => "by_operator",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|availability| availability.name() == name)
    }
}

/// How a plan, or a pack of credits, is named for ever: 1 to 64 lower-case letters, digits, `.`, `_` or `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId(String);

/// A text that is no [`OfferId`]. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 lower-case letters, digits, '.', '_' or '-'")]
pub struct OfferIdError;

impl OfferId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OfferId {
    type Err = OfferIdError;

    fn from_str(text: &str) -> Result<Self, OfferIdError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(OfferIdError) }
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for OfferId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OfferId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What a plan gives, and for what. [`Plans::new`] holds each to its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub id: OfferId,
    /// 1 to 100 characters, as it stands on invoices.
    pub name: String,
    pub availability: Availability,
    /// For each period, all at its beginning; may be none.
    pub credits: Credits,
    pub every: Every,
    /// For each period, in advance; zero for a plan that is free.
    pub price: Money,
    /// For how many more periods what is left of a period's credits can be spent. 0: they end with their period.
    pub rollover: u8,
    /// The tier of requests a minute; `None`: the usual one.
    pub rate_tier: Option<String>,
    /// Bounds by name (`api_keys`: 50); what they mean is the server's.
    pub quotas: BTreeMap<String, u64>,
    /// What else it has, a line each, as the pricing page says it.
    pub features: Vec<String>,
}

impl Plan {
    pub fn is_free(&self) -> bool {
        self.price.is_zero()
    }

    /// The kind of its grants: `plan` for what is paid for, `free` for what isn't, so that grants of kind `plan` add up to
    /// what invoices of plans were paid for.
    pub fn grant_kind(&self) -> GrantKind {
        if self.is_free() { GrantKind::Free } else { GrantKind::Plan }
    }
}

/// A grant to issue, once for ever by its `facts.source`, which no other grant of the account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantOrder {
    /// More than zero.
    pub amount: Credits,
    pub facts: GrantFacts,
}
