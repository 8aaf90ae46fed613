//! `kill -9` while events arrive: what was answered is there, and sending everything again ends in one effect each.

mod movements;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::client::{Caller, amount, answer};
use crate::harness::events::{EVENTS, with};
use crate::harness::process::{Serving, Site};

const CLIENTS: usize = 16;
/// Answers after which the server is killed; the rounds differ, so that it dies at different instants.
const ANSWERS: usize = 150;

fn rounds() -> usize {
    std::env::var("PLEXE_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

/// Everything that was sent, by id, and the answers that came.
#[derive(Default)]
pub struct Log {
    pub sent: BTreeMap<String, Value>,
    pub answered: BTreeMap<String, Value>,
}

/// Sends events, alone and in lists, until the server is gone.
async fn send_until_it_dies(
    caller: Caller,
    name: String,
    users: [Value; 2],
    log: Arc<Mutex<Log>>,
    counted: tokio::sync::mpsc::UnboundedSender<()>,
) {
    for n in 0.. {
        let size = if n % 5 == 4 { 20 } else { 1 };
        let events: Vec<Value> = (0..size)
            .map(|item| {
                json!({
                    "id": format!("{name}-{n}-{item}"), "source": "crash", "user_id": users[item % 2],
                    "operation": "model.prediction", "quantity": 1 + n % 3,
                })
            })
            .collect();
        {
            let mut log = log.lock().unwrap();
            for event in &events {
                log.sent.insert(event["id"].as_str().unwrap().to_owned(), event.clone());
            }
        }
        let body = if size == 1 { events[0].clone() } else { json!(events) };
        let request = caller.request(http::Method::POST, EVENTS).json(&body);
        // A connection that was cut has no answer; whether it took effect is what the next server tells.
        let Ok(response) = request.send().await else { return };
        let Ok(text) = response.text().await else { return };
        let body: Value = serde_json::from_str(&text).expect("whole answers are JSON");
        let results = body["results"].as_array().cloned().unwrap_or(vec![body]);
        let mut log = log.lock().unwrap();
        for (event, result) in events.iter().zip(results) {
            assert!(result["event_id"].is_string(), "{result}");
            log.answered.insert(event["id"].as_str().unwrap().to_owned(), result);
        }
        // The one who counts may have seen enough.
        let _ = counted.send(());
    }
}

/// One server's life under load, ended in the middle of it.
async fn live_and_die(serving: Serving, key: &str, round: usize, users: &[Value; 2], log: &Arc<Mutex<Log>>) {
    let (counted, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let caller = Caller::new(&serving.url, Some(key));
        let name = format!("{round}-{client}");
        clients.spawn(send_until_it_dies(caller, name, users.clone(), Arc::clone(log), counted.clone()));
    }
    for _ in 0..ANSWERS + 37 * (round % 7) {
        answers.recv().await.expect("answers come");
    }
    serving.kill();
    clients.join_all().await;
}

/// The effect of a charge, whenever it is told.
pub fn effect(answer: &Value) -> Value {
    let fields = ["event_id", "id", "credits", "balance", "seq"];
    json!(fields.map(|field| answer[field].clone()))
}

/// Sends everything again, twice: every event has one effect, and the one that was answered if it was.
pub async fn send_again(caller: &Caller, log: &Log) {
    let all: Vec<&Value> = log.sent.values().collect();
    for attempt in 0..2 {
        for part in all.chunks(500) {
            let body = answer(caller.request(http::Method::POST, EVENTS).json(&part)).await.ok();
            assert_eq!(body["rejected"], 0, "{body}");
            for (event, result) in part.iter().zip(body["results"].as_array().unwrap()) {
                if let Some(known) = log.answered.get(event["id"].as_str().unwrap()) {
                    assert_eq!(result["replayed"], true, "answered, then lost: {event}");
                    assert_eq!(effect(known), effect(result), "{event}");
                }
                assert!(attempt == 0 || result["replayed"] == true, "{result}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_has_kept_every_answer_and_charges_nothing_twice() {
    let site = Site::new().await;
    let (ada, bob) = (site.user("ada").await, site.user("bob").await);
    for email in ["ada@example.com", "bob@example.com"] {
        site.grant(email, "1000000").await;
    }
    let key = site.service_key().await;
    let users = [ada["user_id"].clone(), bob["user_id"].clone()];
    let log = Arc::new(Mutex::new(Log::default()));
    for round in 0..rounds() {
        live_and_die(site.serve().await, &key, round, &users, &log).await;
        let verdict = site.json(&["verify"]).await;
        assert_eq!(verdict["ok"], true, "round {round}: {verdict}");
    }
    let serving = site.serve().await;
    let log = std::mem::take(&mut *log.lock().unwrap());
    assert!(log.answered.len() > ANSWERS * rounds() && log.sent.len() > log.answered.len());
    send_again(&Caller::new(&serving.url, Some(&key)), &log).await;
    let stats = site.json(&["stats"]).await;
    assert_eq!(stats["events"], log.sent.len());
    let units: u64 = log.sent.values().map(|event| event["quantity"].as_u64().unwrap()).sum();
    assert_eq!(amount(&stats["spent"]).micros(), i64::try_from(units).unwrap() * 100_000);
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    assert_eq!(serving.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_gives_up_waiting_may_send_again() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    let key = site.service_key().await;
    let serving = site.serve().await;
    let caller = Caller::new(&serving.url, Some(&key));
    let mut effects = BTreeMap::new();
    for n in 0..200 {
        let event = json!({
            "id": n.to_string(), "source": "crash", "user_id": user["user_id"], "operation": "model.prediction",
            "quantity": "0.5",
        });
        // Dropped somewhere between connecting and the answer.
        let sending = caller.request(http::Method::POST, EVENTS).json(&event).send();
        drop(tokio::time::timeout(std::time::Duration::from_micros(10 * n), sending).await);
        let charged = caller.post(EVENTS, &event).await.ok();
        assert_eq!(caller.post(EVENTS, &event).await.ok(), with(&charged, "replayed", json!(true)));
        effects.insert(charged["seq"].as_u64().unwrap(), n);
    }
    assert_eq!(effects.len(), 200);
    assert_eq!(site.json(&["stats"]).await["events"], 200);
    assert_eq!(site.json(&["verify"]).await["ok"], true);
}
