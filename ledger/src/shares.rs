//! Cutting a whole into parts that add up to it.

/// `total` in proportion to `weights`, as whole numbers that add up to it exactly. Each is within one of its exact share:
/// every part is rounded down, and what is left over goes, one by one, to the parts that lost most (largest remainder), the
/// first of equals first. A negative total is cut as a positive one would be.
///
/// `None` unless the weights add up to more than 0. A weight may be below 0, and its part then too.
#[expect(clippy::arithmetic_side_effects, reason = "products of two i64 and sums of 2^32 i64 fit an i128")]
pub fn shares(total: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let whole: i128 = weights.iter().copied().map(i128::from).sum();
    if whole <= 0 {
        return None;
    }
    let size = i128::from(total).abs();
    let mut parts: Vec<i128> =
        weights.iter().map(|weight| (size * i128::from(*weight)).div_euclid(whole)).collect();
    let mut by_loss: Vec<usize> = (0..weights.len()).collect();
    by_loss.sort_by_key(|index| -(size * i128::from(weights[*index])).rem_euclid(whole));
    let left_over = size - parts.iter().sum::<i128>();
    for index in by_loss.into_iter().take(usize::try_from(left_over).ok()?) {
        parts[index] += 1;
    }
    let signed = |part: i128| i64::try_from(if total < 0 { -part } else { part }).ok();
    parts.into_iter().map(signed).collect()
}

/// What `part` of `whole` days, say, is of a total: the first of the two [`shares`]. Zero where `whole` is no more than 0.
pub fn share(total: i64, part: i64, whole: i64) -> i64 {
    let part = part.clamp(0, whole.max(0));
    shares(total, &[part, whole.saturating_sub(part)]).and_then(|parts| parts.first().copied()).unwrap_or(0)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_over_goes_to_those_who_lost_most_and_the_first_of_equals() {
        assert_eq!(shares(100, &[1, 1, 1]), Some(vec![34, 33, 33]));
        assert_eq!(shares(-100, &[1, 1, 1]), Some(vec![-34, -33, -33]));
        assert_eq!(shares(10, &[1, 5, 1]), Some(vec![2, 7, 1]));
        assert_eq!(shares(5, &[0, 3]), Some(vec![0, 5]));
        assert_eq!(shares(5, &[-1, 3]), Some(vec![-2, 7]));
        assert_eq!(shares(5, &[]), None);
        assert_eq!(shares(5, &[0, 0]), None);
        assert_eq!(shares(5, &[1, -1]), None);
        assert_eq!(shares(i64::MAX, &[i64::MAX, i64::MAX]), Some(vec![i64::MAX / 2 + 1, i64::MAX / 2]));
    }

    #[test]
    fn a_share_of_no_days_is_nothing_and_of_all_days_everything() {
        assert_eq!((share(4_900, 0, 30), share(4_900, 30, 30), share(4_900, 31, 30)), (0, 4_900, 4_900));
        assert_eq!((share(4_900, 5, 0), share(4_900, 10, 30), share(-4_900, 10, 30)), (0, 1_633, -1_633));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_are_within_one_of_their_exact_share(
            total in -1_000_000_000_000_i64..1_000_000_000_000,
            weights in proptest::collection::vec(-1_000..1_000_000_i64, 1..20),
        ) {
            let whole: i64 = weights.iter().sum();
            prop_assume!(whole > 0);
            let parts = shares(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = i128::from(total) * i128::from(*weight);
                let apart = (i128::from(*part) * i128::from(whole) - exact).abs();
                prop_assert!(apart < i128::from(whole), "{} is no share of {}/{}", part, weight, whole);
            }
        }
    }
}
