//! What must hold for whatever anybody sends, one module for each thing that is read.
//!
//! A module's `check` takes any bytes, reads them as the server does, and panics where a rule is broken; that it never
//! panics otherwise is a rule itself. libFuzzer looks for bytes that break one (`cargo xtask fuzz`); what it has found
//! worth keeping stands in `fuzz/corpus` and is checked with all other tests (`tests/corpus.rs`).

pub mod amount;
pub mod cloud_events;
pub mod cookie;
pub mod cursor;
pub mod entries;
pub mod event;
pub mod key;
pub mod price_list;
mod request;

/// Takes any bytes and panics where a rule is broken.
pub type Check = fn(&[u8]);

/// Every target: its name, which is that of its folder in the corpus, and what it checks.
pub const TARGETS: [(&str, Check); 8] = [
    ("amount", amount::check),
    ("cloud_events", cloud_events::check),
    ("cookie", cookie::check),
    ("cursor", cursor::check),
    ("entries", entries::check),
    ("event", event::check),
    ("key", key::check),
    ("price_list", price_list::check),
];
