//! Model calls that look like a real trace and are the same each time.

use std::fmt::Write as _;

/// Rows of the real trace whose size tests imitate.
pub const ROWS: usize = 8_819;

/// Tokens in and out of one call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub context: u64,
    pub generated: u64,
}

impl Call {
    /// In thousands of tokens, exact.
    pub fn quantity(self) -> String {
        let tokens = self.context + self.generated;
        format!("{}.{:03}", tokens / 1_000, tokens % 1_000)
    }

    /// At 0.1 credits per 1 000 tokens one token costs 100 micro-credits.
    pub fn micro_credits(self) -> i64 {
        i64::try_from((self.context + self.generated) * 100).expect("a small number")
    }
}

/// Calls with long prompts and short answers, some of them tiny.
pub fn calls(count: usize) -> Vec<Call> {
    let mut random = Random(0x5eed);
    let mut call = || {
        let context = match random.below(8) {
            0 => 1 + random.below(50),
            1 => 4_000 + random.below(3_500),
            _ => 200 + random.below(3_000),
        };
        Call { context, generated: 6 + random.below(60) }
    };
    std::iter::repeat_with(&mut call).take(count).collect()
}

/// The same as a file that `replay` reads; one call every 0.4 s.
pub fn csv(calls: &[Call]) -> String {
    let mut text = "TIMESTAMP,ContextTokens,GeneratedTokens\n".to_owned();
    for (place, call) in calls.iter().enumerate() {
        let tenths = place * 4;
        let (seconds, tenth) = (tenths / 10, tenths % 10);
        let (hour, minute, second) = (18 + seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let Call { context, generated } = call;
        let line = writeln!(
            text,
            "2023-11-16 {hour:02}:{minute:02}:{second:02}.{tenth}000000,{context},{generated}"
        );
        line.expect("text takes every line");
    }
    text
}

/// Numbers from a seed (`SplitMix64`, Steele et al. 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
