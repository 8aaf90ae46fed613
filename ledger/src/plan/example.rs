//! The plans of a console that nobody has configured.

use std::collections::BTreeMap;

use super::{Availability, Every, OfferId, Plan};
use crate::credits::Credits;
use crate::money::{Currency, Money};

/// Free, Professional and Enterprise; all are monthly.
pub(super) fn plans() -> Vec<Plan> {
    let plan = |(name, credits, cents, rollover, tier): (&str, u32, i64, u8, &str)| {
        let id: OfferId = name.to_lowercase().parse().ok()?;
        let currency: Currency = "EUR".parse().ok()?;
        Some(Plan {
            id,
            name: name.to_owned(),
            availability: Availability::Open,
            credits: Credits::whole(credits),
            every: Every::Month,
            price: Money::new(cents, currency)?,
            rollover,
            rate_tier: Some(tier.to_owned()),
            quotas: BTreeMap::new(),
            features: vec![],
        })
    };
    let offers = [
        ("Free", 500, 0, 0, "basic"),
        ("Professional", 5_000, 4_900, 3, "pro"),
        ("Enterprise", 100_000, 79_000, 3, "pro"),
    ];
    let mut plans: Vec<Plan> = offers.into_iter().filter_map(plan).collect();
    if let Some(enterprise) = plans.last_mut() {
        enterprise.availability = Availability::ByOperator;
    }
    plans
}
