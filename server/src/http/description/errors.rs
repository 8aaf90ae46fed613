//! The error table: which code has which status, what it means, and which of them a route may answer.

use serde_json::{Map, Value, json};

use super::operation::{Caller, Operation};

/// Status, code and what it means, in the order of precedence.
pub const TABLE: [(u16, &str, &str); 22] = [
    (400, "invalid_request", "The request can't be read, or a known field has the wrong type."),
    (401, "unauthorized", "No credentials were given, or the console's cookie where it doesn't count."),
    (401, "invalid_key", "This key is unknown, or two different ones were given."),
    (401, "expired_key", "This key has expired."),
    (401, "revoked_key", "This key has been revoked."),
    (402, "insufficient_credits", "The wallet can't pay; the details say what is missing and what helps."),
    (402, "spend_limit_reached", "The key's spend limit doesn't allow it; the details have the limit."),
    (403, "forbidden", "Another site asked for this change."),
    (
        403,
        "insufficient_permissions",
        "The key is known and may not do this: a read_only key on a change, a customer's key on a route for services, a scope or source of a service key.",
    ),
    (
        403,
        "account_suspended",
        "The account is suspended: it can read, and neither spend nor change anything.",
    ),
    (403, "email_not_verified", "The user's e-mail address is not verified yet."),
    (404, "not_found", "This does not exist, or it belongs to another account."),
    (405, "method_not_allowed", "The path answers other methods; the Allow header names them."),
    (409, "resource_exists", "The value is taken; the details name the field."),
    (
        409,
        "conflict",
        "The same id came with other content, or the hold is closed; the details name the fields that differ.",
    ),
    (
        413,
        "payload_too_large",
        "More than 1 MiB, or more than 1 000 items. The connection may close before the body is read.",
    ),
    (415, "unsupported_media_type", "The body must be JSON and say so."),
    (
        422,
        "validation_failed",
        "A field or parameter is missing, out of range or unknown; the details name each.",
    ),
    (429, "rate_limited", "Too many tries: signing in, or new keys."),
    (429, "rate_limit_exceeded", "Too many requests in this minute, or a second verification at a time."),
    (500, "server_error", "Our fault. The request's id is what to tell us."),
    (503, "service_unavailable", "The server is busy or stopping. The same request again is safe."),
];

const EVERYWHERE: [&str; 4] = ["invalid_request", "validation_failed", "server_error", "service_unavailable"];
const WITH_CREDENTIALS: [&str; 7] = [
    "unauthorized",
    "invalid_key",
    "expired_key",
    "revoked_key",
    "insufficient_permissions",
    "account_suspended",
    "rate_limit_exceeded",
];

/// The codes that a route may answer, by status.
pub fn of(operation: &Operation) -> Vec<(u16, Vec<&'static str>)> {
    let mut codes = EVERYWHERE.to_vec();
    if operation.caller != Caller::Anybody {
        codes.extend(WITH_CREDENTIALS);
    }
    if !operation.bodies.is_empty() {
        codes.extend(["payload_too_large", "unsupported_media_type"]);
    }
    if operation.path.contains('{') {
        codes.push("not_found");
    }
    codes.extend(&operation.codes);
    let mut statuses: Vec<(u16, Vec<&'static str>)> = vec![];
    for (status, code, _) in TABLE.into_iter().filter(|(_, code, _)| codes.contains(code)) {
        match statuses.last_mut().filter(|(last, _)| *last == status) {
            Some((_, known)) => known.push(code),
            None => statuses.push((status, vec![code])),
        }
    }
    statuses
}

/// The response of a status with these codes: its name among the components, and itself.
pub fn response(status: u16, codes: &[&str]) -> (String, Value) {
    let meaning = |code: &str| {
        let known = TABLE.iter().find(|(_, known, _)| *known == code);
        format!("`{code}`: {}", known.map_or("", |(_, _, meaning)| meaning))
    };
    let about: Vec<String> = codes.iter().map(|code| meaning(code)).collect();
    let mut headers = Map::from_iter([("X-Request-Id".to_owned(), header("XRequestId"))]);
    if matches!(status, 429 | 503) {
        headers.insert("Retry-After".to_owned(), header("RetryAfter"));
    }
    if status == 401 {
        headers.insert("WWW-Authenticate".to_owned(), header("WwwAuthenticate"));
    }
    let schema = json!({
        "allOf": [
            { "$ref": "#/components/schemas/Envelope" },
            { "properties": { "error": { "properties": { "code": { "enum": codes }, "status": { "const": status } } } } },
        ],
    });
    let response = json!({
        "description": about.join("\n\n"),
        "headers": headers,
        "content": { "application/json": { "schema": schema } },
    });
    (codes.join("-or-"), response)
}

pub fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}
