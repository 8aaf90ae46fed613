//! Puts the document together.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::errors::{self, header};
use super::examples::{self, BASE};
use super::operation::{Answer, Area, Caller, Operation};
use crate::http::frame::Envelope;

const ABOUT: &str = "Accounts and credits of the platform: what may be spent, what was spent and why.\n\n\
    Every route is also there under `/v1`. Bodies are JSON in UTF-8, times RFC 3339 in UTC, amounts JSON numbers of credits with \
    up to 6 decimals. A field or parameter that is unknown is refused by its name; a field that is `null` is as good as absent \
    unless it says otherwise. Answers may get further fields.";

/// The whole document.
pub fn document(operations: &[Operation]) -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut components = Components::default();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(operation, &mut generator, &mut components);
    }
    let _ = generator.subschema_for::<Envelope<'static>>();
    let mut schemas = generator.take_definitions(true);
    for (name, schema) in components.schemas {
        assert!(schemas.insert(name.clone(), schema).is_none(), "two schemas are called {name}");
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Plexe Console",
            "summary": "Accounts, credits and keys",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }, { "url": "/v1", "description": "The same" }],
        "tags": Area::ALL.map(|area| json!({ "name": area.words().0, "description": area.words().1 })),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": components.responses,
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
        "x-errors": errors::TABLE.map(|(status, code, meaning)| json!({ "status": status, "code": code, "meaning": meaning })),
        "x-base": BASE,
    });
    without_view(&mut document);
    document
}

#[derive(Default)]
struct Components {
    schemas: Map<String, Value>,
    responses: Map<String, Value>,
}

fn described(operation: &Operation, generator: &mut SchemaGenerator, components: &mut Components) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), success(operation, generator));
    for (status, codes) in errors::of(operation) {
        let (name, response) = errors::response(status, &codes);
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        components.responses.insert(name, response);
    }
    let mut parameters: Vec<Value> = operation.path_names().map(path_parameter).collect();
    parameters.extend(operation.query.iter().cloned());
    let mut value = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.area.words().0],
        "security": security(operation.caller),
        "parameters": parameters,
        "responses": responses,
        "x-codeSamples": examples::samples(operation),
    });
    if !operation.about.is_empty() {
        value["description"] = json!(operation.about);
    }
    match operation.caller {
        Caller::Service(scope) => {
            value["x-by"] = json!("service");
            value["x-scope"] = json!(scope);
        }
        Caller::Party => {
            value["x-by"] = json!("service");
            value["x-scope"] = json!("hold");
        }
        Caller::Reader => value["x-by"] = json!("customer"),
        Caller::Writer => {
            value["x-by"] = json!("customer");
            value["x-permission"] = json!("read_write");
        }
        Caller::Anybody => {}
    }
    for (name, schema) in &operation.schemas {
        components.schemas.insert((*name).to_owned(), schema.clone());
    }
    if !operation.bodies.is_empty() {
        let content: Map<String, Value> = operation
            .bodies
            .iter()
            .map(|body| {
                let (name, schema) = &body.schema;
                components.schemas.insert((*name).to_owned(), schema.clone());
                let reference = format!("#/components/schemas/{name}");
                (
                    body.media_type.to_owned(),
                    json!({ "schema": { "$ref": reference }, "example": body.example }),
                )
            })
            .collect();
        value["requestBody"] = json!({ "required": !operation.is_body_optional, "content": content });
    }
    value
}

fn success(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut headers = Map::from_iter([("X-Request-Id".to_owned(), header("XRequestId"))]);
    if operation.caller != Caller::Anybody {
        for (name, component) in [
            ("RateLimit-Limit", "RateLimitLimit"),
            ("RateLimit-Remaining", "RateLimitRemaining"),
            ("RateLimit-Reset", "RateLimitReset"),
        ] {
            headers.insert(name.to_owned(), header(component));
        }
    }
    let content = match &operation.answer {
        Answer::Json(schema, example) => {
            json!({ "application/json": { "schema": schema(generator), "example": example } })
        }
        Answer::Document => json!({ "application/json": { "schema": { "type": "object" } } }),
        Answer::Text { media_type, example, parts } => {
            let parts: Map<String, Value> = parts
                .iter()
                .map(|(name, schema)| ((*name).to_owned(), Schema::to_value(schema(generator))))
                .collect();
            let schema = match *media_type {
                "text/event-stream" => of_each_event(&parts),
                _ => json!({ "type": "string" }),
            };
            json!({ *media_type: { "schema": schema, "example": example, "x-parts": parts } })
        }
    };
    json!({ "description": operation.summary, "headers": headers, "content": content })
}

/// OpenAPI 3.1 has no words for a stream; readers of it take the schema to be that of an event, as 3.2 does.
fn of_each_event(parts: &Map<String, Value>) -> Value {
    let names: Vec<&String> = parts.keys().collect();
    json!({
        "type": "object",
        "properties": {
            "event": { "type": "string", "enum": names },
            "id": { "type": "string", "description": "Of `balance` and `reset`: the `seq`." },
            "data": { "type": "string", "contentMediaType": "application/json", "description": "The message, by its name below." },
        },
        "required": ["event", "data"],
        "description": "Each event.",
    })
}

fn path_parameter(name: &str) -> Value {
    let about = match name {
        "source" => "Percent-encoded.",
        "id" => "The id that the service gave; percent-encoded.",
        _ => "As an answer named it.",
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": about,
        "schema": { "type": "string", "minLength": 1 },
        "example": examples::in_path(name),
    })
}

fn security(caller: Caller) -> Value {
    let (bearer, header, cookie) =
        (json!({ "bearer": [] }), json!({ "apiKey": [] }), json!({ "session": [] }));
    match caller {
        Caller::Anybody => json!([]),
        Caller::Reader | Caller::Party => json!([bearer, header, cookie]),
        Caller::Writer | Caller::Service(_) => json!([bearer, header]),
    }
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of a customer (`plx_sk_…`) or of a service (`plx_svc_…`).",
        },
        "apiKey": { "type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key in a header of its own." },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "plexe_session",
            "description": "The console's own cookie (`__Host-` before its name where the console has an https address): for what only reads, from pages of the same origin.",
        },
    })
}

fn headers() -> Value {
    let number = |about: &str| json!({ "description": about, "schema": { "type": "integer", "minimum": 0 } });
    json!({
        "XRequestId": {
            "description": "The request's id: that of the request's own header `X-Request-Id`, where it has one of 1 to 128 visible ASCII characters.",
            "schema": { "type": "string" },
        },
        "RetryAfter": number("When to come back, in seconds."),
        "WwwAuthenticate": { "description": "`Bearer`", "schema": { "type": "string" } },
        "RateLimitLimit": number("How many requests there may be in this minute; where a limit applies."),
        "RateLimitRemaining": number("How many are left."),
        "RateLimitReset": number("In how many seconds all of them are there again."),
    })
}

/// `UserView` is what its type is called here, and `User` what it is.
fn without_view(value: &mut Value) {
    let text = value.to_string();
    let names: Vec<String> = value["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, _)| name.strip_suffix("View").map(str::to_owned))
        .collect();
    let taken = names.iter().find(|name| value["components"]["schemas"].get(name.as_str()).is_some());
    assert_eq!(taken, None, "another type has this name: rename one for the document");
    let renamed = names.iter().fold(text, |text, name| {
        text.replace(&format!("/schemas/{name}View\""), &format!("/schemas/{name}\""))
            .replace(&format!("\"{name}View\":"), &format!("\"{name}\":"))
    });
    *value = serde_json::from_str(&renamed).expect("the same document with other names");
}
