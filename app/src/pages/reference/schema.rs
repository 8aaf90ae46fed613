//! The fields of a schema, one by one, as a reader goes through them.

use leptos::prelude::*;
use serde_json::Value;

use super::prose;

/// How deep objects in objects are followed.
const DEPTH: usize = 4;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// With the fields around it: `pagination.total`, `keys[].name`.
    pub name: String,
    pub kind: String,
    pub is_optional: bool,
    pub about: String,
}

/// All fields of a schema and of what is in it, those that are always there first.
pub fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let mut found = vec![];
    collect(document, schema, "", DEPTH, &mut found);
    found
}

/// What a reference leads to.
pub fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target =
        schema["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#')));
    target.map_or(schema, |target| resolved(document, target))
}

fn collect(document: &Value, schema: &Value, prefix: &str, depth: usize, found: &mut Vec<Field>) {
    let schema = resolved(document, schema);
    for of in ["allOf", "anyOf", "oneOf"] {
        for part in schema[of].as_array().into_iter().flatten() {
            collect(document, part, prefix, depth, found);
        }
    }
    if let (Some(_), true) = (schema.get("items"), depth > 0) {
        collect(document, &schema["items"], &format!("{prefix}[]"), depth - 1, found);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let rest = properties.keys().map(String::as_str).filter(|name| !required.contains(name));
    for name in required.iter().copied().chain(rest) {
        let Some(property) = properties.get(name) else { continue };
        let whole = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        if found.iter().any(|known| known.name == whole) {
            continue;
        }
        let target = resolved(document, property);
        let about = property["description"].as_str().or(target["description"].as_str());
        found.push(Field {
            kind: kind(document, property),
            is_optional: !required.contains(&name),
            about: about.unwrap_or_default().to_owned(),
            name: whole.clone(),
        });
        if depth > 0 {
            collect(document, property, &whole, depth - 1, found);
        }
    }
}

/// A type in a few words: `text`, `number, 0–100`, `one of hard, notify`, `time or null`.
pub fn kind(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(plain).collect();
        return format!("one of {}", words.join(", "));
    }
    if let Some(word) = schema.get("const") {
        return plain(word);
    }
    let alternatives = ["anyOf", "oneOf"].into_iter().find_map(|of| schema[of].as_array());
    if let (Some(alternatives), false) = (alternatives, schema.get("properties").is_some()) {
        let mut kinds: Vec<String> = vec![];
        for kind in alternatives.iter().map(|part| kind(document, part)).filter(|kind| !kind.is_empty()) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        return kinds.join(" or ");
    }
    let name = |name: &str| match name {
        "string" if schema["format"] == "date-time" => "time",
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "array" => "list",
        "null" => "null",
        "number" => "number",
        _ => "object",
    };
    let names: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![name(one)],
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(name).collect(),
        _ => return String::new(),
    };
    format!("{}{}", names.join(" or "), bounds(schema))
}

fn bounds(schema: &Value) -> String {
    let number = |name: &str| schema.get(name).filter(|bound| bound.is_number()).map(ToString::to_string);
    match (number("minimum"), number("maximum"), number("minLength"), number("maxLength")) {
        (Some(least), Some(most), ..) => format!(", {least}–{most}"),
        (Some(least), None, ..) => format!(", from {least}"),
        (_, _, Some(least), Some(most)) => format!(", {least}–{most} characters"),
        _ => String::new(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A list of fields; nothing where there are none.
pub fn list(fields: Vec<Field>, optional: &'static str) -> impl IntoView {
    let rows = fields.into_iter().map(move |field| {
        let note = field.is_optional.then_some(optional).filter(|note| !note.is_empty());
        let kind = [Some(field.kind.as_str()), note].into_iter().flatten().filter(|part| !part.is_empty());
        let kind = kind.collect::<Vec<_>>().join(", ");
        view! {
            <dt>
                <code>{field.name}</code>
                <span class="muted">{kind}</span>
            </dt>
            <dd>{prose(&field.about)}</dd>
        }
    });
    let rows = rows.collect_view();
    view! { <dl class="fields">{rows}</dl> }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_by_their_way_through_lists_and_objects() {
        let document = json!({ "components": { "schemas": { "Key": {
            "type": "object", "required": ["name"],
            "properties": { "limit": { "type": ["number", "null"] }, "name": { "type": "string", "minLength": 1, "maxLength": 9 } },
        } } } });
        let schema = json!({
            "type": "object", "required": ["keys"],
            "properties": { "keys": { "type": "array", "items": { "$ref": "#/components/schemas/Key" } } },
        });
        let found = fields(&document, &schema);
        let names: Vec<(&str, &str, bool)> =
            found.iter().map(|field| (field.name.as_str(), field.kind.as_str(), field.is_optional)).collect();
        assert_eq!(
            names,
            [
                ("keys", "list", false),
                ("keys[].name", "text, 1–9 characters", false),
                ("keys[].limit", "number or null", true)
            ]
        );
    }

    #[test]
    fn a_type_is_said_in_a_few_words() {
        let said = |schema: Value| kind(&json!({}), &schema);
        assert_eq!(said(json!({ "enum": ["hard", "notify"] })), "one of hard, notify");
        assert_eq!(said(json!({ "type": "integer", "minimum": 1, "maximum": 100 })), "whole number, 1–100");
        assert_eq!(said(json!({ "type": "string", "format": "date-time" })), "time");
        assert_eq!(said(json!({ "anyOf": [{ "type": "number" }, { "type": "string" }] })), "number or text");
    }
}
