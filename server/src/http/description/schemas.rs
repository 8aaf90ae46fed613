//! Parts of requests that several routes share. What is said here is held against the handlers by every request of the tests
//! over HTTP: whatever is accepted must be in accordance with it.

use serde_json::{Value, json};

/// `id` and `source` of an event, as `ledger::event::EventKey` takes them.
pub fn name(most: usize, about: &str) -> Value {
    json!({
        "type": "string",
        "pattern": format!("^[!-~]{{1,{most}}}$"),
        "not": { "enum": [".", ".."] },
        "description": about,
    })
}

pub fn operation() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "description": "As the rate card names it; see `GET /rate-card`.",
    })
}

pub fn quantity() -> Value {
    json!({
        "description": "Units of the operation, at most 1 000 000 000 with up to 6 decimals: a number or a string of one.",
        "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1_000_000_000 },
            { "type": "string", "pattern": "^[-+]?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?$" },
        ],
    })
}

pub fn dimensions() -> Value {
    json!({
        "type": "object",
        "additionalProperties": { "type": "string" },
        "maxProperties": 16,
        "description": "What else is known about the work, as pairs of text; 1 KiB in all.",
    })
}

fn let_be_null(schema: &mut Value) {
    if let Some(kind) = schema["type"].as_str() {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
}

/// An object that takes these fields and no others. `required` are those that must be there.
/// What may be left out may be null as well.
pub fn object(mut properties: Value, required: &[&str]) -> Value {
    for (name, schema) in properties.as_object_mut().into_iter().flatten() {
        if !required.contains(&name.as_str()) {
            let_be_null(schema);
        }
    }
    let mut object = json!({ "type": "object", "required": required, "additionalProperties": false });
    object["properties"] = properties;
    object
}

/// The same, with exactly one field that names the payer.
pub fn object_with_payer(mut properties: Value, required: &[&str]) -> Value {
    properties["user_id"] = json!({
        "type": "string",
        "description": "The payer: this user's own account. One of `user_id`, `account_id` and `api_key` is given.",
    });
    properties["account_id"] = json!({ "type": "string", "description": "The payer: this account." });
    properties["api_key"] = json!({
        "type": "string",
        "description": "The payer: whoever this key belongs to, as it was presented to the service. It is verified and its spend limit holds.",
    });
    let mut object = object(properties, required);
    object["oneOf"] = json!([
        { "required": ["user_id"], "properties": { "user_id": { "type": "string" } } },
        { "required": ["account_id"], "properties": { "account_id": { "type": "string" } } },
        { "required": ["api_key"], "properties": { "api_key": { "type": "string" } } },
    ]);
    object
}

pub fn parameter(name: &str, schema: &Value, about: &str) -> Value {
    json!({ "name": name, "in": "query", "description": about, "schema": schema })
}

pub fn time(name: &str, about: &str) -> Value {
    parameter(name, &json!({ "type": "string", "format": "date-time" }), about)
}

pub fn text(name: &str, about: &str) -> Value {
    parameter(name, &json!({ "type": "string" }), about)
}

pub fn word(name: &str, words: &[&str], usual: Option<&str>, about: &str) -> Value {
    let mut schema = json!({ "type": "string", "enum": words });
    if let Some(usual) = usual {
        schema["default"] = json!(usual);
    }
    parameter(name, &schema, about)
}

pub fn limit() -> Value {
    let schema = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 });
    parameter("limit", &schema, "How many rows.")
}

pub fn offset() -> Value {
    offset_up_to(u64::MAX)
}

/// Of lists that take a cursor as well.
pub fn offset_of_history() -> Value {
    offset_up_to(u32::MAX.into())
}

fn offset_up_to(most: u64) -> Value {
    let schema = json!({ "type": "integer", "minimum": 0, "maximum": most, "default": 0 });
    parameter("offset", &schema, "How many rows to pass over.")
}

pub fn cursor() -> Value {
    let schema = json!({ "type": "string", "pattern": "^[0-9]{0,18}$" });
    parameter(
        "cursor",
        &schema,
        "The `next_cursor` of the page before, in place of `offset`; `total` is null then.",
    )
}

pub fn after() -> Value {
    let schema = json!({ "type": "integer", "minimum": 0 });
    parameter("after", &schema, "The `seq` of the last entry that is known.")
}

/// The filters of events.
pub fn events() -> Vec<Value> {
    vec![
        time("from", "Events from this instant on."),
        time("to", "Events before this instant."),
        text("operation", "Of this operation only."),
        api_key(),
    ]
}

pub fn api_key() -> Value {
    let schema = json!({ "type": "string", "pattern": "^(key_[0-9A-Za-z]{12}|none)?$" });
    parameter(
        "api_key",
        &schema,
        "What this key was charged for, by its `key_id`; `none` for what was reported without a key.",
    )
}
