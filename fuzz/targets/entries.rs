//! libFuzzer in front of [`fuzz::entries`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::entries::check(bytes));
