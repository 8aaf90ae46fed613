//! What becomes of the part of a charge below one micro-credit.

use serde::{Deserialize, Serialize};

use crate::credits::MICROS;

/// What happens to the part of a charge below one micro-credit, once per event.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rounding {
    /// To the nearest; exact halves go up.
    #[default]
    HalfUp,
    /// Any part goes up.
    Up,
    /// Any part is dropped.
    Down,
    /// To the nearest; exact halves go to the even neighbour.
    HalfEven,
}

impl Rounding {
    pub const ALL: [Self; 4] = [Self::HalfUp, Self::Up, Self::Down, Self::HalfEven];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfUp => "half_up",
            Self::Up => "up",
            Self::Down => "down",
            Self::HalfEven => "half_even",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rounding| rounding.name() == name)
    }

    /// Millionths of a micro-credit, not negative, as whole micro-credits.
    pub fn round(self, exact_picos: i128) -> i128 {
        let one = i128::from(MICROS);
        let (whole, rest) = (exact_picos.div_euclid(one), exact_picos.rem_euclid(one));
        let half = one.div_euclid(2);
        let goes_up = match self {
            Self::HalfUp => rest >= half,
            Self::Up => rest > 0,
            Self::Down => false,
            Self::HalfEven => rest > half || (rest == half && whole.rem_euclid(2) == 1),
        };
        whole.saturating_add(i128::from(goes_up))
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_rule_decides_below_at_and_above_the_half() {
        for (picos, half_up, up, down, half_even) in [
            (0, 0, 0, 0, 0),
            (1, 0, 1, 0, 0),
            (499_999, 0, 1, 0, 0),
            (500_000, 1, 1, 0, 0),
            (500_001, 1, 1, 0, 1),
            (999_999, 1, 1, 0, 1),
            (1_000_000, 1, 1, 1, 1),
            (1_500_000, 2, 2, 1, 2),
            (2_500_000, 3, 3, 2, 2),
            (3_500_000, 4, 4, 3, 4),
        ] {
            let rounded = Rounding::ALL.map(|rule| rule.round(picos));
            assert_eq!(rounded, [half_up, up, down, half_even], "{picos}");
        }
    }

    #[test]
    fn names_are_those_on_the_wire() {
        for rule in Rounding::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
            assert_eq!(Rounding::from_name(rule.name()), Some(rule));
        }
        assert_eq!(Rounding::from_name("HALF_UP"), None);
    }

    proptest! {
        #[test]
        fn no_rule_turns_more_into_less(picos in 0..i128::MAX / 2, more in 0..10_000_000_i128) {
            for rule in Rounding::ALL {
                prop_assert!(rule.round(picos) <= rule.round(picos + more));
                prop_assert!((rule.round(picos) * 1_000_000 - picos).abs() < 1_000_000);
            }
        }
    }
}
