//! Holds every answer of the tests over HTTP against `server/openapi.json`: a status that a route doesn't name, a field that
//! isn't described or one that is missing fails the test that asked. So does a request that is accepted and not described.

use std::collections::HashMap;
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use http::Method;
use reqwest::{Request, Url};
use serde_json::{Map, Value, json};

use super::client::Answer;

/// What was asked.
pub struct Asked {
    method: Method,
    url: Url,
    media_type: String,
    body: Option<Value>,
}

impl Asked {
    pub fn of(request: &Request) -> Self {
        let kind = request.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let body = request.body().and_then(|body| serde_json::from_slice(body.as_bytes()?).ok());
        Self {
            method: request.method().clone(),
            url: request.url().clone(),
            media_type: essence(kind.unwrap_or_default()),
            body,
        }
    }
}

fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The description, with a validator for each of its schemas.
pub struct Contract {
    pub document: Value,
    schemas: Schemas,
    /// By the schema's JSON pointer.
    compiled: HashMap<String, SchemaIndex>,
}

pub static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

const NAME: &str = "http://console.test/openapi.json";

/// One route of the description.
pub struct Route<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub operation: &'a Value,
    pub pointer: String,
}

impl Contract {
    fn read() -> Self {
        let document: Value = serde_json::from_str(include_str!("../../../openapi.json")).expect("JSON");
        let mut closed = document.clone();
        close(&mut closed);
        let mut pointers = vec![];
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let at = pointer(&["paths", path, method]);
                collect(operation, &at, &mut pointers);
            }
        }
        for (name, response) in document["components"]["responses"].as_object().expect("responses") {
            collect(response, &pointer(&["components", "responses", name]), &mut pointers);
        }
        let mut reader = Compiler::new();
        reader.add_resource(NAME, closed).expect("a resource");
        let (mut schemas, mut compiled) = (Schemas::new(), HashMap::new());
        for at in pointers {
            let index = reader.compile(&format!("{NAME}#{at}"), &mut schemas);
            compiled.insert(at.clone(), index.unwrap_or_else(|error| panic!("{at}: {error:#}")));
        }
        Self { document, schemas, compiled }
    }

    pub fn routes(&self) -> impl Iterator<Item = Route<'_>> {
        let paths = self.document["paths"].as_object().expect("paths").iter();
        paths.flat_map(|(path, methods)| {
            methods.as_object().expect("methods").iter().map(move |(method, operation)| Route {
                path,
                method,
                operation,
                pointer: pointer(&["paths", path, method]),
            })
        })
    }

    /// The route that answers; literal parts of a path win over names.
    fn find(&self, method: &Method, path: &str) -> Option<Route<'_>> {
        let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let method = method.as_str().to_ascii_lowercase();
        let fits = |route: &Route<'_>| {
            let (mut wanted, mut given) = (route.path.split('/'), path.split('/'));
            route.method == method
                && route.path.matches('/').count() == path.matches('/').count()
                && wanted
                    .by_ref()
                    .zip(given.by_ref())
                    .all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()))
        };
        self.routes().filter(fits).min_by_key(|route| route.path.matches('{').count())
    }

    /// Where the response of a status stands.
    fn response(&self, route: &Route<'_>, status: u16) -> Option<(&Value, String)> {
        let at = format!("{}/responses/{status}", route.pointer);
        let response = self.document.pointer(&at)?;
        match response["$ref"].as_str() {
            Some(reference) => {
                let at = reference.trim_start_matches('#').to_owned();
                Some((self.document.pointer(&at)?, at))
            }
            None => Some((response, at)),
        }
    }

    /// What is wrong with a value; nothing where it is as the schema at the pointer says.
    pub fn fault(&self, at: &str, value: &Value) -> Option<String> {
        let index = self.compiled.get(at).unwrap_or_else(|| panic!("no schema at {at}"));
        self.schemas.validate(value, *index).err().map(|error| format!("{error:#}"))
    }

    fn hold(&self, asked: &Asked, answer: &Answer) -> Result<(), String> {
        let Some(route) = self.find(&asked.method, asked.url.path()) else { return Ok(()) };
        if answer.header("x-request-id").is_empty() {
            // The listener of the metrics has no API: it knows none of these paths.
            let is_another = answer.status == 404 && answer.text.is_empty();
            return if is_another { Ok(()) } else { Err("no X-Request-Id".to_owned()) };
        }
        // Of the assets' kind: a copy that the client has.
        if answer.status == 304 {
            return Ok(());
        }
        let (response, at) = self
            .response(&route, answer.status)
            .ok_or_else(|| format!("the status {} is not described", answer.status))?;
        if matches!(answer.status, 429 | 503) && answer.header("retry-after").is_empty() {
            return Err("no Retry-After".to_owned());
        }
        let kind = essence(answer.header("content-type"));
        if response["content"].get(&kind).is_none() {
            return Err(format!("{kind} is not described for {}", answer.status));
        }
        let content = format!("{at}/content/{}", escaped(&kind));
        if kind == "application/json" {
            let fault = self.fault(&format!("{content}/schema"), &answer.body);
            fault.map_or(Ok(()), Err)?;
        } else if kind == "application/x-ndjson" {
            for line in answer.text.lines() {
                let line = serde_json::from_str(line).map_err(|error| error.to_string())?;
                self.fault(&format!("{content}/x-parts/line"), &line).map_or(Ok(()), Err)?;
            }
        }
        if answer.status == 200 { self.accepted(&route, asked) } else { Ok(()) }
    }

    /// Whatever is accepted is described.
    fn accepted(&self, route: &Route<'_>, asked: &Asked) -> Result<(), String> {
        for (name, _) in asked.url.query_pairs() {
            let parameters = route.operation["parameters"].as_array().expect("parameters");
            let is_known =
                parameters.iter().any(|known| known["in"] == "query" && known["name"] == name.as_ref());
            if !is_known && asked.method == Method::GET {
                return Err(format!("the parameter {name} was accepted and is not described"));
            }
        }
        // A body that the route doesn't take is left unread.
        let takes_one = route.operation.get("requestBody").is_some();
        let Some(body) = asked.body.as_ref().filter(|_| takes_one) else { return Ok(()) };
        let at = format!("{}/requestBody/content/{}/schema", route.pointer, escaped(&asked.media_type));
        let fault = self.fault(&at, body);
        fault.map_or(Ok(()), |fault| Err(format!("accepted and not described: {fault}")))
    }
}

/// Fails the test whose answer is not as it is described.
pub fn hold(asked: &Asked, answer: &Answer) {
    if let Err(fault) = CONTRACT.hold(asked, answer) {
        panic!("{} {}: {fault}\n{}", asked.method, asked.url.path(), answer.text);
    }
}

fn pointer(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |at, part| at + "/" + &escaped(part))
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// The pointers of all schemas of bodies, and of the parts of texts.
fn collect(value: &Value, at: &str, pointers: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let here = format!("{at}/{}", escaped(name));
        match name.as_str() {
            "schema" => pointers.push(here),
            "x-parts" => {
                let parts = value.as_object().into_iter().flatten();
                pointers.extend(parts.map(|(part, _)| format!("{here}/{part}")));
            }
            "example" | "headers" | "x-codeSamples" => {}
            _ => collect(value, &here, pointers),
        }
    }
}

/// Lets no field pass that isn't described. What is made of several schemas is closed around all of them.
fn close(document: &mut Value) {
    let components = document["components"]["schemas"].as_object().expect("schemas").clone();
    let mut open = vec![];
    for schema in components.values() {
        parts_of(schema, &mut open);
    }
    for (name, schema) in document["components"]["schemas"].as_object_mut().expect("schemas") {
        if !open.contains(&format!("#/components/schemas/{name}")) {
            close_schema(schema);
        }
    }
    close_answers(document);
}

/// What several schemas are made of.
fn parts_of(value: &Value, open: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for of in ["anyOf", "allOf", "oneOf"] {
                let parts = fields.get(of).and_then(Value::as_array).into_iter().flatten();
                if fields.contains_key("properties") {
                    open.extend(parts.filter_map(|part| part["$ref"].as_str().map(str::to_owned)));
                }
            }
            fields.values().for_each(|value| parts_of(value, open));
        }
        Value::Array(items) => items.iter().for_each(|item| parts_of(item, open)),
        _ => {}
    }
}

fn close_schema(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
        fields.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(close_schema),
            ("items" | "additionalProperties", value) => close_schema(value),
            _ => {}
        }
    }
}

/// An answer's own object, whatever it is made of.
fn close_answers(document: &mut Value) {
    for methods in document["paths"].as_object_mut().expect("paths").values_mut() {
        for operation in methods.as_object_mut().expect("methods").values_mut() {
            let schema = &mut operation["responses"]["200"]["content"]["application/json"]["schema"];
            if let Some(reference) = schema["$ref"].as_str() {
                let whole: Map<String, Value> = Map::from_iter([
                    ("allOf".to_owned(), json!([{ "$ref": reference }])),
                    ("unevaluatedProperties".to_owned(), json!(false)),
                ]);
                *schema = Value::Object(whole);
            }
        }
    }
}
