//! How much a key may spend in a period, whatever its account has.
//!
//! What a key has spent is no number of its own: it is the [series](crate::series) of its events, and what is held for it.
//! So it is as exact as the books, and falsified only together with them.

use crate::credits::Credits;

/// After which a limit begins anew, in the account's own time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitPeriod {
    Day,
    /// From Monday.
    Week,
    Month,
}

impl LimitPeriod {
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }
}

/// What happens at a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitMode {
    /// What would go above it is refused.
    Hard,
    /// It is only said.
    Notify,
}

impl LimitMode {
    pub const ALL: [Self; 2] = [Self::Hard, Self::Notify];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Notify => "notify",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// A key's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpendLimit {
    /// Above zero.
    pub amount: Credits,
    pub period: LimitPeriod,
    pub mode: LimitMode,
}

impl SpendLimit {
    /// Whether something that costs this much may be spent as well. What costs nothing always may.
    /// Errors: by how much the limit is too low.
    pub fn allows(self, spent: Credits, cost: Credits) -> Result<(), Credits> {
        let after = spent.checked_add(cost).unwrap_or(Credits::MAX);
        let missing = after.saturating_sub(self.amount);
        if cost.is_zero() || missing.is_zero() { Ok(()) } else { Err(missing) }
    }

    /// What may still be spent.
    pub const fn left(self, spent: Credits) -> Credits {
        self.amount.saturating_sub(spent)
    }

    /// Whether nothing is left.
    pub const fn is_reached(self, spent: Credits) -> bool {
        self.left(spent).is_zero()
    }

    /// The limit of a key that is made with another one: what is asked for, at most the maker's. Of a longer period the
    /// amounts can't be compared; there the maker's own limit counts both.
    pub fn within(asked: Option<Self>, maker: Option<Self>) -> Option<Self> {
        match (asked, maker) {
            (Some(asked), Some(maker)) if asked.period <= maker.period => {
                Some(Self { amount: asked.amount.min(maker.amount), ..asked })
            }
            (Some(asked), _) => Some(asked),
            (None, maker) => maker,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits(text: &str) -> Credits {
        Credits::parse(text).unwrap()
    }

    fn limit(amount: &str, period: LimitPeriod) -> SpendLimit {
        SpendLimit { amount: credits(amount), period, mode: LimitMode::Hard }
    }

    #[test]
    fn a_limit_may_be_spent_to_the_last_micro_credit_and_no_further() {
        let day = limit("10", LimitPeriod::Day);
        assert_eq!(day.allows(credits("9.999999"), credits("0.000001")), Ok(()));
        assert_eq!(day.allows(credits("10"), credits("0.000001")), Err(credits("0.000001")));
        assert_eq!(day.allows(credits("9"), credits("3.5")), Err(credits("2.5")));
        assert_eq!(
            day.allows(credits("12"), Credits::ZERO),
            Ok(()),
            "what is free passes, also above a lowered limit"
        );
        assert_eq!(day.allows(Credits::MAX, Credits::MAX), Err(Credits::MAX.saturating_sub(credits("10"))));
        assert!(day.is_reached(credits("10")) && day.is_reached(credits("12")));
        assert!(!day.is_reached(credits("9.999999")));
        assert_eq!(day.left(credits("9.5")), credits("0.5"));
    }

    #[test]
    fn a_key_gets_at_most_the_limit_of_the_one_it_is_made_with() {
        let (small, large) = (limit("10", LimitPeriod::Day), limit("300", LimitPeriod::Month));
        assert_eq!(SpendLimit::within(None, None), None);
        assert_eq!(SpendLimit::within(None, Some(small)), Some(small), "without a wish it has the maker's");
        assert_eq!(SpendLimit::within(Some(small), None), Some(small));
        let more = limit("20", LimitPeriod::Day);
        assert_eq!(SpendLimit::within(Some(more), Some(small)), Some(small));
        let longer = limit("1000", LimitPeriod::Day);
        assert_eq!(SpendLimit::within(Some(longer), Some(large)), Some(limit("300", LimitPeriod::Day)));
        assert_eq!(SpendLimit::within(Some(large), Some(small)), Some(large), "a month is more than a day");
    }

    #[test]
    fn names_are_read_back() {
        for period in LimitPeriod::ALL {
            assert_eq!(LimitPeriod::from_name(period.name()), Some(period));
        }
        for mode in LimitMode::ALL {
            assert_eq!(LimitMode::from_name(mode.name()), Some(mode));
        }
        assert_eq!((LimitPeriod::from_name("year"), LimitMode::from_name("soft")), (None, None));
    }
}
