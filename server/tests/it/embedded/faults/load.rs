//! Books with two customers, and clients that charge them and remember what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crash::{Log, send_again};
use crate::harness::client::{Answer, Caller, assert_error};
use crate::harness::events::EVENTS;
use crate::harness::process::{Serving, Site};

/// Requests that a client sends at most while it waits for the fault.
const PATIENCE: usize = 5_000;
/// Refusals after which a client believes that nothing is charged any more.
const REFUSALS: usize = 4;

/// Two customers with credits, and who may charge them.
pub struct Books {
    pub site: Site,
    pub users: [Value; 2],
    /// Of a service.
    pub key: String,
    /// Of each customer, to read with.
    pub own_keys: [String; 2],
}

impl Books {
    pub async fn on(site: Site) -> Self {
        let users = [site.user("ada").await, site.user("bob").await].map(|user| user["user_id"].clone());
        let mut own_keys = vec![];
        for email in ["ada@example.com", "bob@example.com"] {
            site.grant(email, "1000000").await;
            let words =
                ["api-key", "create", "--email", email, "--name", "own", "--permission", "read_write"];
            own_keys.push(site.json(&words).await["key"].as_str().expect("a secret").to_owned());
        }
        let key = site.service_key().await;
        Self { site, users, key, own_keys: own_keys.try_into().expect("two keys") }
    }

    /// The same books elsewhere. Nobody serves these.
    pub async fn copy(&self) -> Self {
        let site = Site::new().await;
        std::fs::copy(self.site.file(), site.file()).expect("a closed database");
        Self { site, users: self.users.clone(), key: self.key.clone(), own_keys: self.own_keys.clone() }
    }

    pub fn service(&self, serving: &Serving) -> Caller {
        Caller::new(&serving.url, Some(&self.key))
    }

    /// A customer who looks at the account.
    pub fn customer(&self, serving: &Serving, customer: usize) -> Caller {
        Caller::new(&serving.url, Some(&self.own_keys[customer]))
    }

    /// The `n`-th request of a client: one prediction, or a list of them.
    pub fn events(&self, client: &str, n: usize) -> Vec<Value> {
        let size = if n % 5 == 4 { 10 } else { 1 };
        let event = |item: usize| {
            json!({
                "id": format!("{client}-{n}-{item}"), "source": "faults", "user_id": self.users[(n + item) % 2],
                "operation": "model.prediction", "quantity": 1 + n % 3,
            })
        };
        (0..size).map(event).collect()
    }

    /// Charges from `clients` at once until the server has refused each several times. Once one of them has been refused
    /// nothing that is sent afterwards may be charged.
    pub async fn charge_until_refused(
        self: &Arc<Self>,
        serving: &Serving,
        clients: usize,
        log: &Arc<Mutex<Log>>,
    ) {
        let refused = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for client in 0..clients {
            let (books, caller) = (Arc::clone(self), self.service(serving));
            let (refused, log) = (Arc::clone(&refused), Arc::clone(log));
            running.spawn(async move {
                let mut refusals = 0;
                for n in 0..PATIENCE {
                    let refused_before = refused.load(Ordering::SeqCst);
                    let charged = send(&caller, &books.events(&client.to_string(), n), &log).await;
                    assert!(!(charged && refused_before), "acknowledged after the fault");
                    if !charged {
                        refused.store(true, Ordering::SeqCst);
                        refusals += 1;
                    }
                    if refusals == REFUSALS {
                        return;
                    }
                }
                panic!("nothing was refused");
            });
        }
        running.join_all().await;
    }

    /// The next start, without faults: the books are in order, what was answered is there, and sending everything again
    /// ends in one effect each.
    pub async fn check_after(&self, log: &Log) {
        let verdict = self.site.json(&["verify"]).await;
        assert_eq!(verdict["ok"], true, "{verdict}");
        let serving = self.site.serve().await;
        assert_eq!(Caller::new(&serving.url, None).get("/readyz").await.ok(), json!({"status": "ready"}));
        send_again(&self.service(&serving), log).await;
        assert_eq!(self.site.json(&["stats"]).await["events"], log.sent.len());
        assert_eq!(self.site.json(&["verify"]).await["ok"], true);
        assert_eq!(serving.terminate().await, Some(0));
    }
}

/// Sends events, alone or as a list, and remembers the answers. Whether they were charged; if not, the refusal asks to
/// try again.
pub async fn send(caller: &Caller, events: &[Value], log: &Mutex<Log>) -> bool {
    let named = |event: &Value| event["id"].as_str().expect("an id").to_owned();
    log.lock().unwrap().sent.extend(events.iter().map(|event| (named(event), event.clone())));
    let answer = match events {
        [event] => caller.post(EVENTS, event).await,
        events => caller.post(EVENTS, &json!(events)).await,
    };
    if answer.status != 200 {
        assert_unavailable(&answer);
        return false;
    }
    let results = answer.body["results"].as_array().cloned().unwrap_or(vec![answer.body]);
    assert_eq!(results.len(), events.len());
    assert!(results.iter().all(|result| result["event_id"].is_string()), "{results:?}");
    let answered: BTreeMap<String, Value> = events.iter().map(named).zip(results).collect();
    log.lock().unwrap().answered.extend(answered);
    true
}

/// 503, in the words of the contract, and when to come back.
#[track_caller]
pub fn assert_unavailable(answer: &Answer) {
    assert_error(answer, 503, "service_unavailable", "");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{answer:?}");
}

/// `/readyz` says no, and the process is alive.
pub async fn assert_not_ready(url: &str) {
    let anon = Caller::new(url, None);
    assert_unavailable(&anon.get("/readyz").await);
    anon.get("/healthz").await.ok();
}
