//! Holds, debt and corrections over the wire.

mod corrections;
mod debt;
mod holds;
mod pages;
mod positions;

use serde_json::{Value, json};
use server::store::{Scope, Scopes};

use crate::harness::client::{Answer, Caller};
use crate::harness::events::event;
use crate::harness::{Member, Service, World};

/// A service that may do everything, and owe up to 50 credits.
async fn service(world: &World) -> Service {
    world.service_that_may_owe(Scopes::of(Scope::ALL), None, Some("50")).await
}

async fn hold(service: &Service, id: &str, member: &Member, operation: &str, quantity: &str) -> Answer {
    service.caller.post("/usage/holds", &event(id, member, operation, quantity)).await
}

async fn close(service: &Service, hold: &Value, act: &str, body: &Value) -> Answer {
    let id = hold["hold_id"].as_str().expect("a hold");
    service.caller.post(&format!("/usage/holds/{id}/{act}"), body).await
}

async fn settle(service: &Service, hold: &Value, quantity: &str) -> Answer {
    close(service, hold, "settle", &json!({"quantity": quantity})).await
}

async fn release(service: &Service, hold: &Value) -> Answer {
    close(service, hold, "release", &json!({})).await
}

async fn correct(service: &Service, event: &str, id: &str, quantity: &str) -> Answer {
    let body = json!({"id": id, "quantity": quantity, "reason": "counted twice"});
    service.caller.post(&format!("/usage/events/test/{event}/corrections"), &body).await
}

/// Available, held and owed, as `/usage/current` has them.
async fn stands(reader: &Caller) -> [String; 3] {
    let current = reader.get("/usage/current").await.ok();
    ["credits", "held", "debt"].map(|field| current[field].to_string())
}

/// The newest entries as movement and amount, oldest first.
async fn newest(reader: &Caller, count: usize) -> Vec<(String, String)> {
    let listed = reader.get(&format!("/credits/entries?limit={count}")).await.ok();
    let entries = listed["entries"].as_array().expect("entries");
    let text = |entry: &Value| {
        let movement = entry["movement"].as_str().expect("a movement").to_owned();
        (movement, entry["amount"].to_string())
    };
    entries.iter().rev().map(text).collect()
}

/// The books are whole, by the server's own word.
async fn verify(reader: &Caller) {
    let verified = reader.get("/credits/verify").await.ok();
    assert_eq!(verified["ok"], true, "{verified}");
}
