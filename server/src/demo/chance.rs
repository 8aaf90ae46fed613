//! Numbers that look random and are the same each time.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::Random;

/// A sequence that its seed decides (`SplitMix64`, Steele et al. 2014). Good for ids and sizes, useless for secrets.
#[derive(Debug)]
pub struct Chance(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        let mut mixed = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 ≤ n < `limit`; 0 when the limit is.
    pub fn below(&self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or_default()
    }

    /// `least` ≤ n ≤ `most`.
    pub fn between(&self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// As [`Chance::between`], mostly near the least: the smallest of three.
    pub fn skewed(&self, least: u64, most: u64) -> u64 {
        let draw = || self.between(least, most);
        draw().min(draw()).min(draw())
    }

    /// A whole number that is `thousandths` of one on average.
    pub fn about(&self, thousandths: u64) -> u64 {
        thousandths / 1_000 + u64::from(self.below(1_000) < thousandths % 1_000)
    }
}

impl Random for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let draw = |seed| {
            let chance = Chance::new(seed);
            let mut bytes = [0; 20];
            chance.fill(&mut bytes);
            (chance.below(1_000), chance.skewed(1, 9), bytes)
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_stay_within_their_limits() {
        let chance = Chance::new(1);
        for _ in 0..1_000 {
            assert!(chance.below(3) < 3 && (5..=7).contains(&chance.between(5, 7)));
            assert!((2..=40).contains(&chance.skewed(2, 40)) && (2..=3).contains(&chance.about(2_500)));
        }
        assert_eq!((chance.below(0), chance.between(4, 4), chance.about(3_000)), (0, 4, 3));
    }
}
