//! Clients that send each event to both servers at once and go on whatever becomes of one of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::crash::{Log, effect};
use crate::harness::client::Caller;
use crate::harness::events::EVENTS;

/// Clients at work until they are told to stop.
pub struct Load {
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
    answers: UnboundedReceiver<()>,
}

impl Load {
    /// `name` begins the ids of events; each client sends to all `servers` at once.
    pub fn start(
        name: &str,
        clients: usize,
        servers: &[Caller],
        users: &[Value],
        log: &Arc<Mutex<Log>>,
    ) -> Self {
        let (counted, answers) = unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let (servers, users) = (servers.to_vec(), users.to_vec());
            let (log, stop, counted) = (Arc::clone(log), Arc::clone(&stop), counted.clone());
            tasks.spawn(send(format!("{name}-{client}"), servers, users, log, stop, counted));
        }
        Self { clients: tasks, stop, answers }
    }

    /// Waits for so many more requests to be answered by at least one server.
    pub async fn answers(&mut self, count: usize) {
        for _ in 0..count {
            self.answers.recv().await.expect("answers come");
        }
    }

    pub async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
    }
}

async fn send(
    name: String,
    servers: Vec<Caller>,
    users: Vec<Value>,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    counted: UnboundedSender<()>,
) {
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        n += 1;
        let size = if n % 5 == 4 { 20 } else { 1 };
        let event = |item: usize| {
            json!({
                "id": format!("{name}-{n}-{item}"), "source": "nodes", "user_id": users[item % users.len()],
                "operation": "model.prediction", "quantity": 1 + n % 3,
            })
        };
        let events: Vec<Value> = (0..size).map(event).collect();
        for event in &events {
            log.lock().unwrap().sent.insert(event["id"].as_str().unwrap().to_owned(), event.clone());
        }
        let body = if size == 1 { events[0].clone() } else { json!(events) };
        let sending = servers.iter().map(|server| answer(server, &body));
        let mut is_answered = false;
        for results in futures::future::join_all(sending).await.into_iter().flatten() {
            is_answered = true;
            note(&log, &events, results);
        }
        if is_answered {
            // The one who counts may have seen enough.
            let _ = counted.send(());
        }
    }
}

/// The results of a request that was answered; `None`: the server was gone, or said that nobody knows.
async fn answer(server: &Caller, body: &Value) -> Option<Vec<Value>> {
    let response = server.request(Method::POST, EVENTS).json(body).send().await.ok()?;
    let status = response.status().as_u16();
    let (retry_after, text) = (response.headers().contains_key("retry-after"), response.text().await.ok()?);
    if status == 503 {
        assert!(retry_after, "{text}");
        return None;
    }
    assert_eq!(status, 200, "{text}");
    let body: Value = serde_json::from_str(&text).expect("whole answers are JSON");
    Some(body["results"].as_array().cloned().unwrap_or(vec![body]))
}

/// Notes what was answered; two answers about one event tell of the same effect.
fn note(log: &Mutex<Log>, events: &[Value], results: Vec<Value>) {
    let mut log = log.lock().unwrap();
    for (event, result) in events.iter().zip(results) {
        assert!(result["event_id"].is_string(), "{result}");
        let id = event["id"].as_str().unwrap().to_owned();
        if let Some(before) = log.answered.get(&id) {
            assert_eq!(effect(before), effect(&result), "two servers, two effects");
        }
        log.answered.insert(id, result);
    }
}
