//! Lists as one parameter of a statement, in JSON.

pub(super) fn json(rows: &impl serde::Serialize) -> String {
    // Text and integers always have a JSON form.
    serde_json::to_string(rows).unwrap_or_default()
}
