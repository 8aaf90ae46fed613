//! The same after `kill -9`: a real server dies under load, another one goes on, and what it shows is what is in the books.

use std::sync::{Arc, Mutex};

use ledger::AccountId;
use serde_json::{Value, json};
use server::clock::{Clock as _, SystemClock};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::books::Books;
use super::load::{Mix, close, correct, hold};
use super::windows::Known;
use super::{DECLARED, number, questions, random};
use crate::harness::client::Caller;
use crate::harness::events::EVENTS;
use crate::harness::process::{Serving, Site};
use crate::harness::trace::Random;

const CLIENTS: usize = 8;
const SETTINGS: [(&str, &str); 1] = [("CONSOLE_USAGE_DIMENSIONS", "model,team")];

/// Sends events until the server is gone.
async fn send_until_it_dies(
    caller: Caller,
    mix: Arc<Mutex<Mix>>,
    mut random: Random,
    counted: mpsc::UnboundedSender<()>,
) {
    loop {
        let size = if random.below(4) == 0 { 40 } else { 1 };
        let now = SystemClock.now();
        let (events, held): (Vec<Value>, Value) = {
            let mut mix = mix.lock().unwrap();
            ((0..size).map(|_| mix.event(&mut random, now)).collect(), mix.timeless(&mut random))
        };
        let Ok(response) = caller.request(http::Method::POST, EVENTS).json(&events).send().await else {
            return;
        };
        let Ok(text) = response.text().await else { return };
        let body: Value = serde_json::from_str(&text).expect("whole answers are JSON");
        assert_eq!(body["accepted"], size, "{body}");
        let Some(()) = correct(&caller, &mut random, &events[0]).await else { return };
        let Some(id) = hold(&caller, &held).await else { return };
        let Some(()) = close(&caller, &mut random, &id).await else { return };
        // The one who counts may have seen enough.
        let _ = counted.send(());
    }
}

/// One server's life under load, ended in the middle of it.
async fn live_and_die(serving: Serving, key: &str, mix: &Arc<Mutex<Mix>>, random: &mut Random) {
    let (counted, mut answers) = mpsc::unbounded_channel();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (caller, seed) = (Caller::new(&serving.url, Some(key)), random.next());
        clients.spawn(send_until_it_dies(caller, Arc::clone(mix), Random(seed), counted.clone()));
    }
    for _ in 0..60 + random.below(40) {
        answers.recv().await.expect("answers come");
    }
    serving.kill();
    clients.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_windows_are_what_the_raw_rows_add_up_to_after_a_server_was_killed() {
    let site = Site::new().await;
    let (ada, bob) = (site.user("ada").await, site.user("bob").await);
    for email in ["ada@example.com", "bob@example.com"] {
        site.grant(email, "1000000").await;
    }
    let words =
        ["api-key", "create", "--email", "ada@example.com", "--name", "k", "--permission", "read_write"];
    let api_key = site.json(&words).await["key"].as_str().expect("a secret").to_owned();
    let words = ["service-key", "create", "--name", "s", "--scopes", "check,charge,hold,correct"];
    let service_key = site.json(&words).await["key"].as_str().expect("a secret").to_owned();
    let payers = vec![
        json!({"user_id": ada["user_id"]}),
        json!({"api_key": api_key}),
        json!({"user_id": bob["user_id"]}),
    ];
    let mix = Arc::new(Mutex::new(Mix { payers, sent: 0 }));
    let mut random = random();
    let account: AccountId = ada["account_id"].as_str().expect("an id").parse().expect("an account");
    let rounds = number("PLEXE_CRASH_ROUNDS", 3);
    for _ in 0..rounds {
        live_and_die(site.serve_with(&SETTINGS).await, &service_key, &mix, &mut random).await;
        let serving = site.serve_with(&SETTINGS).await;
        let books = Books::read(&site.database(), account, &DECLARED).await;
        let known = Known::new(&books, &DECLARED);
        let caller = Caller::new(&serving.url, Some(&api_key));
        let mut compared = 0;
        for _ in 0..questions(120) / rounds {
            compared += known.question(&mut random).compare(&caller, &books).await;
        }
        assert!(compared > 100, "{compared} figures were compared");
        assert_eq!(site.json(&["verify"]).await["ok"], true);
    }
}
