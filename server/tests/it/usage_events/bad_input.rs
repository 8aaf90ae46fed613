//! What can't be read or accepted: the code of the contract, a sentence that names the field, and nothing written.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, prediction, with, without};
use crate::harness::{Member, Service, World};

/// A console with a member who has credits, and a service.
async fn ready() -> (World, Member, Service) {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100").await, world.service().await);
    (world, member, service)
}

/// Sends each body, which must be refused with the field named and nothing written; then once more inside an array,
/// between two good events that are charged all the same.
async fn each_is_refused(status: u16, code: &str, bodies: impl Fn(&Value) -> Vec<(&'static str, Value)>) {
    let (world, member, service) = ready().await;
    let before = world.books().await;
    let good = prediction("good", &member);
    let bodies = bodies(&good);
    for (field, body) in &bodies {
        let refused = service.caller.post(EVENTS, body).await;
        assert_error(&refused, status, code, field);
        assert_eq!(world.books().await, before, "{body}");
    }
    for (round, (field, body)) in bodies.iter().enumerate() {
        let around = |place: &str| prediction(&format!("{place}-{round}"), &member);
        let answer =
            service.caller.post(EVENTS, &json!([around("before"), body, around("after")])).await.ok();
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(2), &json!(1)), "{body}: {answer}");
        let item = &answer["results"][1];
        assert_eq!(item["status"], status, "{item}");
        crate::harness::client::assert_refusal(&item["error"], status, code, field);
    }
    assert_eq!(world.books().await.events, 2 * u64::try_from(bodies.len()).unwrap());
    world.verify(&member).await;
}

#[tokio::test]
async fn service_sends_what_is_no_json() {
    let (world, member, service) = ready().await;
    let before = world.books().await;
    let good = prediction("good", &member).to_string();
    for text in [
        "",
        " ",
        "{",
        "{\"id\": }",
        "id=1",
        &good[..good.len() - 1],
        &format!("{good}{good}"),
        "{'id': 1}",
        "nul",
    ] {
        let refused = service.caller.post_text(EVENTS, text).await;
        assert_error(&refused, 400, "invalid_request", "line 1");
        assert!(!refused.text.contains("expected"), "the parser's own words are for us: {}", refused.text);
    }
    for text in ["1", "\"text\"", "null", "true"] {
        assert_error(&service.caller.post_text(EVENTS, text).await, 400, "invalid_request", "object");
    }
    let twice = good.replacen('{', "{\"id\":\"other\",", 1);
    assert_error(&service.caller.post_text(EVENTS, twice).await, 400, "invalid_request", "id");
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_sends_fields_of_the_wrong_type() {
    each_is_refused(400, "invalid_request", |good| {
        vec![
            ("id", with(good, "id", json!(7))),
            ("id", with(good, "id", Value::Null)),
            ("source", with(good, "source", json!(["test"]))),
            ("operation", with(good, "operation", json!({}))),
            ("quantity", with(good, "quantity", json!(true))),
            ("quantity", with(good, "quantity", json!([1]))),
            ("quantity", with(good, "quantity", Value::Null)),
            ("user_id", with(good, "user_id", json!(1))),
            ("occurred_at", with(good, "occurred_at", json!(1_795_348_800))),
            ("dimensions", with(good, "dimensions", json!("model=churn"))),
            ("dimensions", with(good, "dimensions", json!(["model"]))),
            ("dimensions.size", with(good, "dimensions", json!({"size": 3}))),
            ("on_insufficient", with(good, "on_insufficient", json!(false))),
        ]
    })
    .await;
}

#[tokio::test]
async fn service_leaves_required_fields_out() {
    each_is_refused(422, "validation_failed", |good| {
        ["id", "source", "operation", "quantity", "user_id"].map(|field| (field, without(good, field))).into()
    })
    .await;
}

#[tokio::test]
async fn service_sends_unknown_fields() {
    each_is_refused(422, "validation_failed", |good| {
        ["quantitiy", "userid", "amount", "occuredAt", "", "ID"]
            .map(|field| (field, with(good, field, json!(1))))
            .into()
    })
    .await;
}

#[tokio::test]
async fn service_sends_an_unknown_operation() {
    each_is_refused(422, "validation_failed", |good| {
        let operations =
            ["model.dream", "", " model.build", "MODEL.BUILD", "model.build\u{0}", &"x".repeat(129)];
        operations.map(|operation| ("operation", with(good, "operation", json!(operation)))).into()
    })
    .await;
}

#[tokio::test]
async fn service_sends_a_negative_huge_or_too_precise_quantity() {
    each_is_refused(422, "validation_failed", |good| {
        let numbers = [
            json!(-1),
            json!(-0.000_001),
            json!(1_000_000_001),
            json!(u64::MAX),
            json!(1e300),
            json!(0.000_000_1),
        ];
        let texts = [
            "-1",
            "1000000000.000001",
            "1e10",
            "1e999999999999",
            "0.0000001",
            "1e-7",
            "1.0000001",
            "",
            "ten",
            "NaN",
            "Infinity",
            "0x10",
            "1,5",
            " 1",
        ];
        let quantities = numbers.into_iter().chain(texts.map(|text| json!(text)));
        quantities.map(|quantity| ("quantity", with(good, "quantity", quantity))).collect()
    })
    .await;
}

#[tokio::test]
async fn service_names_no_payer_or_several() {
    each_is_refused(422, "validation_failed", |good| {
        let account = json!("acct_01900000000070008000000000000001");
        let nobody = without(good, "user_id");
        vec![
            ("user_id", nobody.clone()),
            ("account_id", nobody.clone()),
            ("api_key", nobody.clone()),
            ("account_id", with(good, "account_id", account.clone())),
            ("api_key", with(good, "api_key", json!("plx_sk_x"))),
            ("account_id", with(&with(&nobody, "account_id", account), "api_key", json!("plx_sk_x"))),
            ("user_id", with(good, "user_id", Value::Null)),
        ]
    })
    .await;
}

#[tokio::test]
async fn service_names_events_badly() {
    each_is_refused(422, "validation_failed", |good| {
        let id_too_long = "i".repeat(129);
        let source_too_long = "s".repeat(65);
        let bad = ["", ".", "..", "a b", "a\tb", "a\nb", "\u{7f}", "\u{20}", "é", "a\u{0}"];
        let all = |field: &'static str, long: &str| {
            let values = bad.into_iter().chain([long]);
            values.map(|text| (field, with(good, field, json!(text)))).collect::<Vec<_>>()
        };
        [all("id", &id_too_long), all("source", &source_too_long)].concat()
    })
    .await;
}

#[tokio::test]
async fn service_sends_bad_dimensions_and_a_bad_choice() {
    each_is_refused(422, "validation_failed", |good| {
        let many: Value =
            (0..17).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
        vec![
            ("dimensions", with(good, "dimensions", many)),
            ("dimensions", with(good, "dimensions", json!({"k": "v".repeat(1_024)}))),
            ("dimensions", with(good, "dimensions", json!({"": "v"}))),
            ("dimensions.k", with(good, "dimensions", json!({"k": "a\u{0}"}))),
            ("dimensions", with(good, "dimensions", json!({"k\u{0}": "a"}))),
            ("on_insufficient", with(good, "on_insufficient", json!("ignore"))),
        ]
    })
    .await;
}

#[tokio::test]
async fn service_sends_a_time_out_of_range_or_none_at_all() {
    each_is_refused(422, "validation_failed", |good| {
        // The console's clock stands at 2026-11-22T12:00:00Z.
        let times = [
            "2026-10-18T11:59:59.999999Z",
            "2026-11-22T12:05:00.000001Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-11-22",
            "2026-11-22T12:00:00",
            "2026-11-31T12:00:00Z",
            "yesterday",
            "",
        ];
        times.map(|time| ("occurred_at", with(good, "occurred_at", json!(time)))).into()
    })
    .await;
}

#[tokio::test]
async fn service_sends_several_mistakes_and_each_is_named() {
    let (world, member, service) = ready().await;
    let before = world.books().await;
    let body = with(&with(&prediction("a b", &member), "quantity", json!(-1)), "colour", json!("red"));
    let refused = service.caller.post(EVENTS, &without(&body, "operation")).await;
    for field in ["id", "quantity", "colour", "operation"] {
        assert_error(&refused, 422, "validation_failed", field);
        assert!(refused.body["error"]["details"][field].is_string(), "{}", refused.text);
    }
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_sends_three_megabytes() {
    let (world, _, service) = ready().await;
    let before = world.books().await;
    let (head, body) = raw_request(&world, &service, "content-length: 3145728\r\n");
    let answer = answer_to(&world, head, body).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#""code":"payload_too_large""#) && answer.contains("1 MiB"), "{answer}");
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_sends_three_megabytes_without_saying_so() {
    let (world, _, service) = ready().await;
    let before = world.books().await;
    let (head, body) = raw_request(&world, &service, "transfer-encoding: chunked\r\n");
    let chunked = [b"300000\r\n".to_vec(), body, b"\r\n0\r\n\r\n".to_vec()].concat();
    let answer = answer_to(&world, head, chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#""code":"payload_too_large""#), "{answer}");
    assert_eq!(world.books().await, before);
}

/// The head of a POST with this line about its body, and a body of 3 MiB.
fn raw_request(world: &World, service: &Service, length: &str) -> (String, Vec<u8>) {
    let key = service.secret.as_str();
    let host = world.url.trim_start_matches("http://");
    let head = format!(
        "POST /usage/events HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n{length}\r\n"
    );
    (head, vec![b' '; 3 << 20])
}

/// Reads the answer while the body is still on its way: the server may close before it has read all of it.
async fn answer_to(world: &World, head: String, body: Vec<u8>) -> String {
    let host = world.url.trim_start_matches("http://").to_owned();
    let (mut reading, mut writing) = TcpStream::connect(host).await.expect("a connection").into_split();
    let sending = tokio::spawn(async move {
        writing.write_all(head.as_bytes()).await.expect("the head is taken");
        // Closed early or not: what matters is the answer.
        drop(writing.write_all(&body).await);
        writing
    });
    let mut answer = vec![];
    let mut piece = [0; 4_096];
    while !answer.ends_with(b"}}") {
        match reading.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
        }
    }
    drop(reading);
    drop(sending.await);
    String::from_utf8(answer).expect("UTF-8")
}

#[tokio::test]
async fn anybody_sends_the_character_that_no_store_keeps() {
    let (world, member, _) = ready().await;
    let ada = world.as_member(&member).await;
    let before = world.books().await;
    for (path, field) in [
        ("/usage/events?operation=a%00", "operation"),
        ("/sign-up?form=%00", "form"),
        ("/usage/events/a%00/b", "path"),
    ] {
        assert_error(&ada.get(path).await, 422, "validation_failed", field);
    }
    let changed = ada.patch("/auth/user", &json!({"name": "a\u{0}"})).await;
    assert_error(&changed, 422, "validation_failed", "name");
    let typed = [("email", "a\0@example.com"), ("password", "correct horse")];
    let sent = crate::harness::forms::submit(&world.anon(), "/sign-in", &typed, &[]).await;
    assert_eq!(sent.status, 422, "{}", sent.text);
    assert!(sent.text.contains("U+0000"), "{}", sent.text);
    assert_eq!(world.books().await, before);
}
