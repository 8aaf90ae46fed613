//! Services that charge without pause while something else happens to the file.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::harness::client::Caller;
use crate::harness::events::EVENTS;

/// Clients at work until [`Clients::stop`] or until their server is gone.
pub struct Clients {
    answered: Arc<Mutex<BTreeSet<String>>>,
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    counted: UnboundedReceiver<()>,
}

impl Clients {
    /// `round` keeps their ids apart from those of others.
    pub fn start(url: &str, key: &str, user: &Value, round: &str) -> Self {
        let (answered, is_over) = (Arc::default(), Arc::default());
        let (counting, counted) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for client in 0..6 {
            let name = format!("{round}-{client}");
            let caller = Caller::new(url, Some(key));
            let work = charge(
                caller,
                name,
                user.clone(),
                Arc::clone(&answered),
                Arc::clone(&is_over),
                counting.clone(),
            );
            tasks.spawn(work);
        }
        Self { answered, is_over, tasks, counted }
    }

    /// Waits until so many more charges are answered.
    pub async fn wait_for(&mut self, answers: usize) {
        for _ in 0..answers {
            self.counted.recv().await.expect("answers come");
        }
    }

    /// The events that are answered so far.
    pub fn answered(&self) -> BTreeSet<String> {
        self.answered.lock().unwrap().clone()
    }

    /// All that was answered.
    pub async fn stop(self) -> BTreeSet<String> {
        self.is_over.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
        std::mem::take(&mut *self.answered.lock().unwrap())
    }
}

async fn charge(
    caller: Caller,
    name: String,
    user: Value,
    answered: Arc<Mutex<BTreeSet<String>>>,
    is_over: Arc<AtomicBool>,
    counting: UnboundedSender<()>,
) {
    for n in 0.. {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let id = format!("{name}-{n}");
        let event = json!({
            "id": id, "source": "clients", "user_id": user["user_id"], "operation": "model.prediction", "quantity": 1 + n % 3,
        });
        let Ok(response) = caller.request(http::Method::POST, EVENTS).json(&event).send().await else {
            return;
        };
        let Ok(text) = response.text().await else { return };
        let body: Value = serde_json::from_str(&text).expect("whole answers are JSON");
        assert!(body["event_id"].is_string(), "{body}");
        answered.lock().unwrap().insert(id);
        // The one who counts may have seen enough.
        let _ = counting.send(());
    }
}
