//! libFuzzer in front of [`fuzz::cookie`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cookie::check(bytes));
