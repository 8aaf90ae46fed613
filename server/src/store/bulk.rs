//! Lists as one parameter of a statement, in JSON.

use std::collections::BTreeMap;

use ledger::event::EventKey;

/// `{source: [id, …], …}`
pub(super) fn names(keys: &[&EventKey]) -> String {
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in keys {
        by_source.entry(key.source()).or_default().push(key.id());
    }
    json(&by_source)
}

pub(super) fn json(rows: &impl serde::Serialize) -> String {
    // Text and integers always have a JSON form.
    serde_json::to_string(rows).unwrap_or_default()
}
