//! libFuzzer in front of [`fuzz::amount`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::amount::check(bytes));
