//! More charges than can be written: who is too many is told so at once, whoever it is and whatever it sends, while all
//! that needs no writing goes on.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::client::{Answer, assert_error};
use crate::harness::events::{EVENTS, prediction};
use crate::harness::raw::Raw;
use crate::harness::{Member, PATIENCE, Service, World};

/// Single events that may wait before anybody knows how fast the disk is, at most.
const MOST: usize = 256;

/// Charges that wait, since nothing can be written.
struct Crowd {
    raw: Raw,
    waiting: JoinSet<Answer>,
}

impl Crowd {
    async fn gather(world: &World, member: &Member, service: &Service) -> Self {
        let mut raw = Raw::open(&world.database()).await;
        raw.keep_from_writing().await;
        let mut waiting = JoinSet::new();
        let sequencer = &world.console.sequencer;
        while !sequencer.is_crowded() {
            let (caller, event) =
                (service.caller.clone(), prediction(&format!("waits-{}", waiting.len()), member));
            waiting.spawn(async move { caller.post(EVENTS, &event).await });
            let waits = async {
                while sequencer.waiting() < waiting.len() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, waits).await.expect("it waits");
        }
        assert!((64..=MOST).contains(&waiting.len()), "{} wait", waiting.len());
        Self { raw, waiting }
    }

    /// Lets them write; each has its answer then.
    async fn leave(mut self) -> Vec<Value> {
        self.raw.let_write().await;
        self.waiting.join_all().await.into_iter().map(Answer::ok).collect()
    }
}

#[track_caller]
fn assert_turned_away(answer: &Answer) {
    assert_error(answer, 503, "service_unavailable", "again is safe");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn who_is_too_many_is_turned_away_and_charged_when_there_is_room_again() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let crowd = Crowd::gather(&world, &ada, &service).await;
    let refused = prediction("refused", &ada);
    for path in [EVENTS, "/v1/usage/events", "/usage/check", "/usage/holds", "/usage/holds/hold_1/release"] {
        assert_turned_away(&service.caller.post(path, &refused).await);
    }
    let answers = crowd.leave().await;
    let events = answers.len() as u64;
    assert!(answers.iter().all(|answer| answer["replayed"] == false));
    assert_eq!(world.books().await.events, events, "nothing of what was refused is written");
    let charged = service.caller.post(EVENTS, &refused).await.ok();
    assert_eq!(charged["replayed"], false);
    assert_eq!(world.books().await.events, events + 1);
    let turned_away = world.console.sequencer.charges().refused.read();
    assert!(turned_away.iter().any(|(code, count)| code == "service_unavailable" && count.read() == 5));
    world.verify(&ada).await;
}

#[tokio::test]
async fn nobody_looks_at_who_asks_or_what_while_too_many_wait() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let crowd = Crowd::gather(&world, &ada, &service).await;
    assert_turned_away(&world.anon().post(EVENTS, &prediction("a", &ada)).await);
    assert_turned_away(&service.caller.post_text(EVENTS, "{no JSON").await);
    let given = service.caller.request(http::Method::POST, EVENTS).header("x-request-id", "mine");
    let answer = crate::harness::client::answer(given.json(&json!([]))).await;
    assert_turned_away(&answer);
    assert_eq!(answer.header("x-request-id"), "mine");
    crowd.leave().await;
}

#[tokio::test]
async fn what_needs_no_writing_goes_on_while_too_many_wait() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let customer = world.as_member(&ada).await;
    let crowd = Crowd::gather(&world, &ada, &service).await;
    assert_eq!(customer.get("/usage/current").await.ok()["credits"], 1000.0);
    assert_eq!(customer.get("/usage/events").await.ok()["events"], json!([]));
    assert_error(&service.caller.get(EVENTS).await, 403, "insufficient_permissions", "");
    world.anon().get("/healthz").await.ok();
    let estimate = json!({"items": [{"operation": "model.prediction", "quantity": 1}]});
    world.anon().post("/rate-card/estimate", &estimate).await.ok();
    crowd.leave().await;
}

#[tokio::test]
async fn a_connection_whose_list_was_turned_away_serves_the_next_one() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let crowd = Crowd::gather(&world, &ada, &service).await;
    let events: Vec<Value> = (0..1_000).map(|n| prediction(&format!("list-{n}"), &ada)).collect();
    let body = json!(events).to_string();
    let request = format!(
        "POST {EVENTS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    for _ in 0..3 {
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("}}") {
            let mut piece = [0; 4_096];
            let length = connection.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "the connection ends after {answer:?}");
            answer.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    let events = crowd.leave().await.len() as u64;
    assert_eq!(world.books().await.events, events);
}
