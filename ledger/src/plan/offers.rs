//! The plans that an operator offers, and what they must be.

use super::{Availability, OfferId, Plan, example};
use crate::money::{Currency, Money};

/// The most a plan or pack may cost, in minor units: sums of all lines of an invoice, and their taxes, stay countable.
pub const MAX_PRICE: i64 = 100_000_000_000;
/// The longest rollover, in periods.
pub const MAX_ROLLOVER: u8 = 36;
/// The longest time that an unpaid plan is waited for, in days.
pub const MAX_GRACE_DAYS: u16 = 90;
/// How long it is unless the operator says otherwise.
pub const DEFAULT_GRACE_DAYS: u16 = 14;
/// Names and features, in characters.
const MAX_TEXT: usize = 100;
const MAX_FEATURES: usize = 30;

/// A set of plans that fit together: ids are unique, all are in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans {
    all: Vec<Plan>,
    default: Option<OfferId>,
    grace_days: u16,
}

/// Why plans are refused, in the operator's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlansError {
    #[error("plan {0} stands twice")]
    Twice(OfferId),
    #[error("plan {plan}: {problem}")]
    Bad { plan: OfferId, problem: Problem },
    #[error("default_plan {0} is not among the plans")]
    NoDefault(OfferId),
    #[error("default_plan {0} must be free and open: everybody joins it with a verified e-mail")]
    BadDefault(OfferId),
    #[error("grace_days must be 1 to {MAX_GRACE_DAYS}")]
    Grace,
}

/// What is wrong with a plan, a pack or a price of credits. The message begins with the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("name must be 1 to {MAX_TEXT} characters on one line")]
    Name,
    #[error("price must not be negative")]
    NegativePrice,
    #[error("price must be at most {0}")]
    HighPrice(Money),
    #[error("price must be in {expected} like the others, not in {found}")]
    OtherCurrency { expected: Currency, found: Currency },
    #[error("rollover must be at most {MAX_ROLLOVER} periods")]
    Rollover,
    #[error("rate_tier {tier:?} is not known; it is one of {known}")]
    RateTier { tier: String, known: String },
    #[error("quota {0:?} must be 1 to 64 lower-case letters, digits, '.', '_' or '-'")]
    Quota(String),
    #[error("features must be at most {MAX_FEATURES} lines of 1 to {MAX_TEXT} characters")]
    Features,
    #[error("price must be more than zero: credits that cost nothing are given by a plan or an operator")]
    Free,
    #[error("credits must be more than zero")]
    NoCredits,
    #[error("credits and bonus are more than can be counted")]
    ManyCredits,
    #[error("expires_after_days must be 1 to {0}")]
    Expiry(u16),
    #[error("minimum must be at least 1 credit and at most the maximum, in whole credits")]
    Bounds,
    #[error("per_credits must be a whole number of credits, more than zero")]
    PerCredits,
    #[error("the maximum of {0} credits would cost more than can be charged")]
    HighMaximum(crate::credits::Credits),
    #[error("the minimum of {0} credits would cost nothing")]
    LowMinimum(crate::credits::Credits),
}

impl Plans {
    /// Plans as an operator wrote them. `default` is the plan that everybody joins with a verified e-mail, and falls back to
    /// when another one ends. `rate_tiers` are the tiers that the server knows.
    pub fn new(
        plans: Vec<Plan>,
        default: Option<OfferId>,
        grace_days: u16,
        rate_tiers: &[&str],
    ) -> Result<Self, PlansError> {
        let currency = plans.first().map(|plan| plan.price.currency());
        for (index, plan) in plans.iter().enumerate() {
            if plans.iter().take(index).any(|earlier| earlier.id == plan.id) {
                return Err(PlansError::Twice(plan.id.clone()));
            }
            check_plan(plan, currency.unwrap_or(plan.price.currency()), rate_tiers)
                .map_err(|problem| PlansError::Bad { plan: plan.id.clone(), problem })?;
        }
        if !(1..=MAX_GRACE_DAYS).contains(&grace_days) {
            return Err(PlansError::Grace);
        }
        let checked = Self { all: plans, default, grace_days };
        match &checked.default {
            Some(id) => match checked.get(id) {
                None => Err(PlansError::NoDefault(id.clone())),
                Some(plan) if !plan.is_free() || plan.availability != Availability::Open => {
                    Err(PlansError::BadDefault(id.clone()))
                }
                Some(_) => Ok(checked),
            },
            None => Ok(checked),
        }
    }

    /// What a new console offers, in euros: Free (500 credits a month, the default), Professional (5 000, which last three months
    /// longer) and Enterprise, which operators give.
    pub fn example() -> Self {
        Self {
            all: example::plans(),
            default: example::plans().first().map(|plan| plan.id.clone()),
            grace_days: DEFAULT_GRACE_DAYS,
        }
    }

    /// In the operator's order.
    pub fn all(&self) -> &[Plan] {
        &self.all
    }

    /// Those that a customer may choose, in the operator's order.
    pub fn open(&self) -> impl Iterator<Item = &Plan> {
        self.all.iter().filter(|plan| plan.availability == Availability::Open)
    }

    pub fn get(&self, id: &OfferId) -> Option<&Plan> {
        self.all.iter().find(|plan| plan.id == *id)
    }

    /// The plan of all who have chosen none.
    pub fn default_plan(&self) -> Option<&Plan> {
        self.default.as_ref().and_then(|id| self.get(id))
    }

    /// For how many days a plan that isn't paid for goes on.
    pub const fn grace_days(&self) -> u16 {
        self.grace_days
    }
}

fn check_plan(plan: &Plan, currency: Currency, rate_tiers: &[&str]) -> Result<(), Problem> {
    check_name(&plan.name)?;
    check_price(plan.price, currency)?;
    if plan.rollover > MAX_ROLLOVER {
        return Err(Problem::Rollover);
    }
    if let Some(tier) = plan.rate_tier.as_ref().filter(|tier| !rate_tiers.contains(&tier.as_str())) {
        return Err(Problem::RateTier { tier: tier.clone(), known: rate_tiers.join(", ") });
    }
    if let Some(quota) = plan.quotas.keys().find(|quota| quota.parse::<OfferId>().is_err()) {
        return Err(Problem::Quota(quota.clone()));
    }
    if plan.features.len() > MAX_FEATURES || plan.features.iter().any(|line| check_name(line).is_err()) {
        return Err(Problem::Features);
    }
    Ok(())
}

pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    let fits =
        !name.trim().is_empty() && name.chars().count() <= MAX_TEXT && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Problem::Name) }
}

/// A price from zero up, in the currency of the others.
pub(crate) fn check_price(price: Money, currency: Currency) -> Result<(), Problem> {
    if price.currency() != currency {
        return Err(Problem::OtherCurrency { expected: currency, found: price.currency() });
    }
    if price.is_negative() {
        return Err(Problem::NegativePrice);
    }
    match Money::new(MAX_PRICE, currency) {
        Some(most) if price.minor() > most.minor() => Err(Problem::HighPrice(most)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::credits::Credits;
    use crate::plan::Every;

    fn plan(id: &str, price: &str) -> Plan {
        Plan {
            id: id.parse().unwrap(),
            name: "A plan".into(),
            availability: Availability::Open,
            credits: Credits::whole(500),
            every: Every::Month,
            price: price.parse().unwrap(),
            rollover: 0,
            rate_tier: None,
            quotas: BTreeMap::new(),
            features: vec![],
        }
    }

    fn said(plans: Vec<Plan>, default: Option<&str>) -> String {
        let default = default.map(|id| id.parse().unwrap());
        Plans::new(plans, default, DEFAULT_GRACE_DAYS, &["basic", "pro"]).unwrap_err().to_string()
    }

    #[test]
    fn plans_that_fit_together_are_taken() {
        let both =
            vec![plan("free", "0 EUR"), Plan { rate_tier: Some("pro".into()), ..plan("pro", "49 EUR") }];
        let plans = Plans::new(both, Some("free".parse().unwrap()), 14, &["basic", "pro"]).unwrap();
        assert_eq!(plans.default_plan().map(|plan| plan.id.as_str()), Some("free"));
        assert_eq!(plans.open().count(), 2);
        assert!(plans.get(&"other".parse().unwrap()).is_none());
        assert!(Plans::new(vec![], None, 14, &[]).is_ok());
    }

    #[test]
    fn the_example_is_what_an_operator_could_have_written() {
        let example = Plans::example();
        let default = example.default_plan().map(|plan| plan.id.clone());
        let written = Plans::new(example.all().to_vec(), default, example.grace_days(), &["basic", "pro"]);
        assert_eq!(written, Ok(example.clone()));
        let open: Vec<&str> = example.open().map(|plan| plan.id.as_str()).collect();
        assert_eq!(open, ["free", "professional"]);
    }

    #[test]
    fn each_thing_that_is_wrong_is_named_with_its_plan() {
        let pro = || plan("pro", "49 EUR");
        assert_eq!(said(vec![pro(), pro()], None), "plan pro stands twice");
        assert_eq!(said(vec![pro()], Some("free")), "default_plan free is not among the plans");
        assert_eq!(
            said(vec![pro()], Some("pro")),
            "default_plan pro must be free and open: everybody joins it with a verified e-mail"
        );
        for (bad, message) in [
            (Plan { name: " ".into(), ..pro() }, "name must be 1 to 100 characters on one line"),
            (Plan { name: "a\nb".into(), ..pro() }, "name must be 1 to 100 characters on one line"),
            (plan("pro", "-1 EUR"), "price must not be negative"),
            (plan("pro", "1000000000.01 EUR"), "price must be at most 1000000000.00 EUR"),
            (Plan { rollover: 37, ..pro() }, "rollover must be at most 36 periods"),
            (
                Plan { rate_tier: Some("fast".into()), ..pro() },
                "rate_tier \"fast\" is not known; it is one of basic, pro",
            ),
            (
                Plan { quotas: [("API keys".to_owned(), 5)].into(), ..pro() },
                "quota \"API keys\" must be 1 to 64 lower-case letters, digits, '.', '_' or '-'",
            ),
            (
                Plan { features: vec![String::new()], ..pro() },
                "features must be at most 30 lines of 1 to 100 characters",
            ),
        ] {
            assert_eq!(said(vec![bad], None), format!("plan pro: {message}"));
        }
        assert_eq!(
            said(vec![plan("free", "0 EUR"), plan("pro", "49 USD")], None),
            "plan pro: price must be in EUR like the others, not in USD"
        );
        assert_eq!(Plans::new(vec![], None, 0, &[]).unwrap_err().to_string(), "grace_days must be 1 to 90");
        for id in ["", "Pro", "pro plan", &"a".repeat(65)] {
            assert!(id.parse::<OfferId>().is_err(), "{id}");
        }
    }
}
