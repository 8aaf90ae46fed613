//! `/openapi.json` and `/docs`: complete, true, and every example in them runs.

mod document;
#[rustfmt::skip]
mod in_rust;
mod run;

use std::collections::BTreeMap;

use ledger::time::SECOND;
use serde_json::{Value, json};
use server::store::{Permission, Scope, Scopes};

use self::run::{Asked, Printed};
use crate::harness::contract::CONTRACT;
use crate::harness::{Member, Service, World};

/// Somebody with everything that examples ask for.
struct Reader {
    ada: Member,
    service: Service,
    secret: String,
}

impl Reader {
    async fn of(world: &World) -> Self {
        let ada = world.member_with("ada", "1000000").await;
        let service = world.service_with(Scopes::of(Scope::ALL), None).await;
        let secret = world.key(&ada, Permission::ReadWrite).await.secret.as_str().to_owned();
        // What examples name as an event that there is.
        let event = json!({
            "id": "job-1", "source": "builder", "user_id": ada.user_id.to_string(), "operation": "model.build", "quantity": 1,
        });
        service.caller.post("/usage/events", &event).await.ok();
        Self { ada, service, secret }
    }

    /// One that the reader's own key has made, and so may rotate.
    async fn key(&self, world: &World) -> String {
        let body = json!({"name": "spare", "permission_level": "read_write"});
        let made = world.caller(&self.secret).post("/auth/api-keys", &body).await.ok();
        made["key_id"].as_str().expect("an id").to_owned()
    }

    async fn hold(&self, id: &str) -> String {
        let hold = json!({
            "id": id, "source": "builder", "user_id": self.ada.user_id.to_string(), "operation": "model.build",
            "quantity": 2,
        });
        self.service.caller.post("/usage/holds", &hold).await.ok()["hold_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }
}

/// Names of fields, all the way down; lists may be longer or shorter.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect())
        }
        Value::Array(items) => items.first().map_or(json!([]), |item| json!([shape(item)])),
        _ => json!("value"),
    }
}

/// What an example printed, held against the description; its shape.
async fn shape_of(printed: Printed, schema: &str) -> Value {
    match printed {
        Printed::Json(value) => {
            assert_eq!(CONTRACT.fault(schema, &value), None, "{value}");
            shape(&value)
        }
        Printed::Text(text) => json!(text.lines().next().unwrap_or_default()),
        Printed::Stream(mut answer) => {
            let mut text = String::new();
            while !text.contains(BALANCE) {
                let chunk = answer.chunk().await.expect("a stream").expect("a stream that goes on");
                text.push_str(&String::from_utf8_lossy(&chunk));
            }
            json!("a stream with a balance")
        }
    }
}

const BALANCE: &str = "event: balance";

async fn printed(asked: &Asked<'_>, id: &str, sample: &Value, media_type: &str) -> Option<Printed> {
    let (label, source) = (sample["label"].as_str()?, sample["source"].as_str()?);
    if label == "Rust" {
        let printed = in_rust::call(id, asked).await;
        return Some(printed.unwrap_or_else(|error| panic!("{id} in Rust: {error}")));
    }
    let is_stream = media_type == "text/event-stream";
    // Programs block this thread; the server has others.
    let text = tokio::task::block_in_place(|| asked.run(label, source, is_stream.then_some(BALANCE)))?;
    Some(match media_type {
        "application/json" => {
            let json = serde_json::from_str(&text);
            Printed::Json(json.unwrap_or_else(|_| panic!("{id}, {label} prints no JSON: {text}")))
        }
        _ => Printed::Text(if is_stream { "a stream with a balance".to_owned() } else { text }),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_runs_in_every_language_and_is_answered_alike() {
    let world = World::start().await;
    let reader = Reader::of(&world).await;
    let user_id = reader.ada.user_id.to_string();
    let events = world.caller(&reader.secret).get("/usage/events").await.ok();
    let event_id = events["events"][0]["event_id"].as_str().expect("an event").to_owned();
    let (mut ran, mut missing) = (0, vec![]);
    for route in CONTRACT.routes() {
        let id = route.operation["operationId"].as_str().expect("a name");
        let content = route.operation["responses"]["200"]["content"].as_object().expect("an answer");
        let media_type = content.keys().next().expect("a media type");
        let schema =
            format!("{}/responses/200/content/{}/schema", route.pointer, media_type.replace('/', "~1"));
        let is_about_keys = route.operation["tags"][0] == "API keys";
        if is_about_keys {
            // An hour has room for ten new keys.
            world.clock.advance(7_200 * SECOND);
        }
        let mut shapes: BTreeMap<&str, Value> = BTreeMap::new();
        for sample in route.operation["x-codeSamples"].as_array().expect("examples") {
            let label = sample["label"].as_str().expect("a language");
            let source = sample["source"].as_str().expect("a text");
            let key_id = if is_about_keys { reader.key(&world).await } else { String::new() };
            let asked = Asked {
                base: &world.url,
                key: if source.contains("plx_svc_…") || route.operation["x-by"] == "service" {
                    &reader.service.secret
                } else {
                    &reader.secret
                },
                user_id: &user_id,
                api_key: &reader.secret,
                key_id: &key_id,
                hold_id: &reader.hold(&format!("{id}-{label}")).await,
                event_id: &event_id,
            };
            match printed(&asked, id, sample, media_type).await {
                Some(printed) => {
                    shapes.insert(label, shape_of(printed, &schema).await);
                    ran += 1;
                }
                None => missing.push(label),
            }
        }
        let all: Vec<&Value> = shapes.values().collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{id} is answered in other ways: {shapes:#?}");
    }
    assert!(ran >= CONTRACT.routes().count(), "those in Rust need no other program");
    if !missing.is_empty() {
        missing.sort_unstable();
        missing.dedup();
        let line =
            format!("examples in {} were not run: no such program on this machine", missing.join(", "));
        assert!(std::env::var_os("CI").is_none(), "{line}");
        eprintln!("{line}");
    }
}
