//! The same for holds that are settled and corrected: whatever step was answered is there, and each has one effect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::rounds;
use crate::harness::client::{Caller, amount};
use crate::harness::credits;
use crate::harness::process::{Serving, Site};

const CLIENTS: usize = 12;
const ANSWERS: usize = 120;
/// Held, settled, corrected.
const STEPS: usize = 3;

/// The answers to the steps of each job, as far as they came.
type Log = Arc<Mutex<BTreeMap<String, Vec<Value>>>>;

/// What step `step` of a job sends; it needs the answer to the first one.
fn request(job: &str, user: &Value, step: usize, held: Option<&Value>) -> (String, Value) {
    match step {
        0 => {
            let body = json!({
                "id": job, "source": "crash", "user_id": user, "operation": "model.prediction", "quantity": 8,
                "expires_in_s": 86_400,
            });
            ("/usage/holds".to_owned(), body)
        }
        1 => {
            let id = held.and_then(|held| held["hold_id"].as_str()).expect("a hold");
            (format!("/usage/holds/{id}/settle"), json!({"quantity": 5}))
        }
        _ => {
            let correction = json!({"id": "once", "quantity": 3, "reason": "counted twice"});
            (format!("/usage/events/crash/{job}/corrections"), correction)
        }
    }
}

/// One job after the other, step by step, until the server is gone.
async fn work_until_it_dies(
    caller: Caller,
    name: String,
    user: Value,
    log: Log,
    counted: UnboundedSender<()>,
) {
    for n in 0.. {
        let job = format!("{name}-{n}");
        log.lock().unwrap().insert(job.clone(), vec![]);
        for step in 0..STEPS {
            let held = log.lock().unwrap()[&job].first().cloned();
            let (path, body) = request(&job, &user, step, held.as_ref());
            let Ok(response) = caller.request(http::Method::POST, &path).json(&body).send().await else {
                return;
            };
            let Ok(text) = response.text().await else { return };
            let answer: Value = serde_json::from_str(&text).expect("whole answers are JSON");
            assert!(answer["seq"].is_u64(), "{answer}");
            log.lock().unwrap().get_mut(&job).expect("the job").push(answer);
            // The one who counts may have seen enough.
            let _ = counted.send(());
        }
    }
}

async fn live_and_die(serving: Serving, key: &str, round: usize, user: &Value, log: &Log) {
    let (counted, mut answers) = unbounded_channel();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let caller = Caller::new(&serving.url, Some(key));
        let name = format!("{round}-{client}");
        clients.spawn(work_until_it_dies(caller, name, user.clone(), Arc::clone(log), counted.clone()));
    }
    for _ in 0..ANSWERS + 41 * (round % 5) {
        answers.recv().await.expect("answers come");
    }
    serving.kill();
    clients.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_holds_settles_and_corrects_each_job_once() {
    let site = Site::new().await;
    let user = site.user("ada").await["user_id"].clone();
    site.grant("ada@example.com", "1000000").await;
    let made =
        site.json(&["service-key", "create", "--name", "crash", "--scopes", "charge,hold,correct"]).await;
    let key = made["key"].as_str().expect("a key");
    let log = Log::default();
    for round in 0..rounds() {
        live_and_die(site.serve().await, key, round, &user, &log).await;
        let verdict = site.json(&["verify"]).await;
        assert_eq!(verdict["ok"], true, "round {round}: {verdict}");
    }
    let serving = site.serve().await;
    let caller = Caller::new(&serving.url, Some(key));
    let log = std::mem::take(&mut *log.lock().unwrap());
    for (job, answered) in &log {
        let mut held = None;
        for step in 0..STEPS {
            let (path, body) = request(job, &user, step, held.as_ref());
            let answer = caller.post(&path, &body).await.ok();
            if let Some(known) = answered.get(step) {
                let mut replay = known.clone();
                replay["replayed"] = json!(true);
                assert_eq!(answer, replay, "answered, then lost or done twice: {job}, step {step}");
            }
            held = held.or(Some(answer));
        }
    }
    let stats = site.json(&["stats"]).await;
    assert_eq!(stats["events"], log.len());
    // Each job ends with 3 predictions of 0.1 credits, and nothing is held.
    let spent = format!("{}.{}", log.len() * 3 / 10, log.len() * 3 % 10);
    assert_eq!(amount(&stats["spent"]), credits(&spent));
    assert_eq!(stats["held"], 0);
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    assert_eq!(serving.terminate().await, Some(0));
}
