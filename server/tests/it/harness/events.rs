//! Events as services report them.

use serde_json::{Value, json};

use super::Member;

/// Where all routes for events stand.
pub const EVENTS: &str = "/usage/events";

/// One prediction (0.1 credits) for a member.
pub fn prediction(id: &str, member: &Member) -> Value {
    event(id, member, "model.prediction", "1")
}

/// A quantity of an operation for a member; the quantity is sent as text, so that it is exact.
pub fn event(id: &str, member: &Member, operation: &str, quantity: &str) -> Value {
    json!({
        "id": id, "source": "test", "user_id": member.user_id.to_string(), "operation": operation, "quantity": quantity,
    })
}

/// The same with one field set.
pub fn with(event: &Value, field: &str, value: Value) -> Value {
    let mut event = event.clone();
    event[field] = value;
    event
}

/// The same without one field.
pub fn without(event: &Value, field: &str) -> Value {
    let mut event = event.clone();
    event.as_object_mut().expect("an object").remove(field);
    event
}
