//! Everybody spends at once what is enough for half of them, while grants run out: what fits is charged, once, and not a
//! micro-credit more.
//!
//! `PLEXE_STAMPEDE_CHARGES` says how many charges there are (100000 is the full run), `PLEXE_STAMPEDE_SEED` which ones.
//! Clients take turns between all servers of the site.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ledger::time::SECOND;
use ledger::{Credits, Timestamp};
use serde_json::{Value, json};
use server::calendar::Rfc3339;
use server::clock::{Clock as _, SystemClock};
use tokio::task::JoinSet;

use crate::harness::client::{Answer, Caller, amount, assert_refusal};
use crate::harness::events::EVENTS;
use crate::harness::place::is_on_postgres;
use crate::harness::process::{Serving, Site};
use crate::harness::trace::Random;

const CLIENTS: usize = 32;
const EMAIL: &str = "ada@example.com";
/// Lots of each kind: for ever; burnt before those while they last; burnt after them, if they last so long.
const LOTS: i64 = 6;
/// Micro-credits that no charge is a multiple of: what is left in a lot at its end expires.
const ODD: i64 = 7;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).expect("not that long")
}

/// What was sent, and what came of it.
#[derive(Default)]
struct Outcome {
    /// Credits of each event that was charged, by its id.
    charged: BTreeMap<String, Credits>,
    /// Entries that answers named; each is one event's.
    seqs: BTreeSet<u64>,
    refused: usize,
}

impl Outcome {
    fn take(&mut self, id: &str, result: &Value) {
        if result["event_id"].is_null() {
            assert_refusal(&result["error"], 402, "insufficient_credits", "");
            let details = &result["error"]["details"];
            assert!(amount(&details["balance"]) < amount(&details["required"]), "{result}");
            self.refused += 1;
            return;
        }
        let credits = amount(&result["credits"]);
        let known = self.charged.insert(id.to_owned(), credits);
        assert!(known.is_none_or(|known| known == credits), "{result}");
        let is_new = self.seqs.insert(result["seq"].as_u64().expect("a seq"));
        assert_eq!(is_new, known.is_none(), "one event, one entry: {result}");
        assert_eq!(result["replayed"], known.is_some(), "{result}");
    }

    fn join(&mut self, other: Self) {
        for (id, credits) in other.charged {
            assert!(self.charged.insert(id, credits).is_none_or(|known| known == credits));
        }
        self.seqs.extend(other.seqs);
        self.refused += other.refused;
    }
}

/// The servers of the site: as many as its store lets work side by side.
async fn servers(site: &Site) -> Vec<Serving> {
    let mut servers = vec![site.serve().await];
    if is_on_postgres() {
        servers.push(site.serve().await);
    }
    servers
}

/// A lot of micro-credits.
async fn grant(site: &Site, micros: i64, expires_at: Option<Timestamp>, priority: &str) {
    let credits = Credits::from_micros(micros).expect("an amount").to_string();
    let until = expires_at.map(|at| Rfc3339(at).to_string());
    let mut words =
        vec!["grant", "--email", EMAIL, "--credits", &credits, "--kind", "promo", "--reason", "a test"];
    words.extend(["--priority", priority]);
    words.extend(until.iter().flat_map(|until| ["--expires-at", until.as_str()]));
    site.json(&words).await;
}

/// Sends charges, alone and in lists, until enough are sent and the last grant has run out. Some are sent a second time.
async fn spend(
    callers: Vec<Caller>,
    user: Value,
    mut random: Random,
    sent: Arc<AtomicUsize>,
    charges: usize,
    end: Instant,
) -> Outcome {
    let mut outcome = Outcome::default();
    for turn in 0.. {
        if sent.load(Ordering::Relaxed) >= charges && Instant::now() > end {
            break;
        }
        let size = if random.below(3) == 0 { 20 } else { 1 };
        let first = sent.fetch_add(size, Ordering::Relaxed);
        let event = |number: usize| {
            json!({
                "id": number.to_string(), "source": "stampede", "user_id": user, "operation": "model.prediction",
                "quantity": 1 + number % 5 / 3 + number % 5 / 4,
            })
        };
        let events: Vec<Value> = (first..first + size).map(event).collect();
        let body = if size == 1 { events[0].clone() } else { json!(events) };
        for again in 0..=usize::from(random.below(10) == 0) {
            let answer: Answer = callers[(turn + again) % callers.len()].post(EVENTS, &body).await;
            let results = answer.body["results"].as_array().cloned().unwrap_or_else(|| vec![answer.body]);
            assert_eq!(results.len(), size, "{}", answer.text);
            for (event, result) in events.iter().zip(&results) {
                outcome.take(event["id"].as_str().expect("an id"), result);
            }
        }
    }
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_spend_twice_as_much_as_there_is_while_grants_expire_and_it_is_exact() {
    let charges = number("PLEXE_STAMPEDE_CHARGES", 4_000);
    let seed = number("PLEXE_STAMPEDE_SEED", 1);
    let site = Site::new().await;
    let user = site.user("ada").await;
    let servers = servers(&site).await;
    let issued_before = amount(&site.json(&["stats"]).await["issued"]);
    // Half a charge of 0.1 credits for each, in all.
    let lot = i64::try_from(charges).expect("small") / (3 * LOTS) * 50_000 + ODD;
    let lasts = SECOND + i64::try_from(charges).expect("small") * 300;
    let granting = Instant::now();
    for _ in 0..LOTS {
        grant(&site, lot, None, "100").await;
    }
    // A lot that runs out is granted by a command, which must come before its end however slow the machine is.
    let slow = 2 * granting.elapsed();
    for part in 1..=LOTS {
        for priority in ["50", "200"] {
            let until = SystemClock.now().saturating_add(micros(slow) + lasts * part / LOTS);
            grant(&site, lot, Some(until), priority).await;
        }
    }
    // What is too little for a charge lies in the last of them: it expires, too.
    let end = Instant::now() + slow + Duration::from_micros(lasts.unsigned_abs());
    let key = site.service_key().await;
    let callers: Vec<Caller> = servers.iter().map(|server| Caller::new(&server.url, Some(&key))).collect();
    let sent = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let random = Random((seed * CLIENTS + client) as u64);
        clients.spawn(spend(
            callers.clone(),
            user["user_id"].clone(),
            random,
            Arc::clone(&sent),
            charges,
            end,
        ));
    }
    let mut outcome = Outcome::default();
    while let Some(of_one) = clients.join_next().await {
        outcome.join(of_one.expect("a client that finds nothing wrong"));
    }
    // Whatever has run out by now is posted before anybody is told that this is too much.
    let last = json!({
        "id": "last", "source": "stampede", "user_id": user["user_id"], "operation": "model.prediction",
        "quantity": 1_000_000,
    });
    outcome.take("last", &callers[0].post(EVENTS, &last).await.body);
    assert!(outcome.refused > charges / 4, "there is not enough for all: {}", outcome.refused);
    let stats = site.json(&["stats"]).await;
    assert_eq!(stats["events"], outcome.charged.len(), "what was answered is in the books, once");
    assert_eq!(outcome.seqs.len(), outcome.charged.len());
    let in_all = Credits::sum(outcome.charged.values().copied()).expect("an amount");
    assert_eq!(amount(&stats["spent"]), in_all);
    let issued = amount(&stats["issued"]);
    assert_eq!(issued.micros() - issued_before.micros(), lot * 3 * LOTS);
    let (expired, left) = (amount(&stats["expired"]), amount(&stats["remaining"]));
    assert_eq!(Credits::sum([in_all, expired, left]), Some(issued), "{stats}");
    assert!(expired > Credits::ZERO, "grants ran out meanwhile: {stats}");
    assert!(
        left < Credits::from_micros(100_000).expect("an amount"),
        "and nothing was kept from those who asked: {stats}"
    );
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    for server in servers {
        assert_eq!(server.terminate().await, Some(0));
    }
}
