//! libFuzzer in front of [`fuzz::cloud_events`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cloud_events::check(bytes));
