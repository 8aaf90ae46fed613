//! The wire contract, row by row: every error of the table by a request that gets it, and the exact fields of the routes that
//! are compatible with the Plexe Platform.
//!
//! What each route refuses in which order is tested beside the route; here is what a client's error handling is written for.

use http::Method;
use ledger::time::DAY;
use serde_json::{Value, json};
use server::config::RateLimits;
use server::store::{AccountStatus, NewUser, Permission, Scope, Scopes};

use crate::harness::client::{Answer, Caller, answer, assert_error};
use crate::harness::events::{EVENTS, event, prediction, with, without};
use crate::harness::raw::Raw;
use crate::harness::{Member, World};

const KEYS: &str = "/auth/api-keys";

/// Status, code, and the fields of `details`; `None` where there are none.
type Row = (u16, &'static str, Option<&'static [&'static str]>);

/// The table, in its order; a code with several causes has a row for each.
const TABLE: [Row; 30] = [
    (400, "invalid_request", None),
    (400, "invalid_request", None),
    (401, "unauthorized", None),
    (401, "invalid_key", None),
    (401, "invalid_key", None),
    (401, "expired_key", None),
    (401, "revoked_key", None),
    (402, "insufficient_credits", Some(&["actions", "balance", "missing", "required", "seq"])),
    (402, "spend_limit_reached", Some(&["actions", "balance", "limit", "missing", "required", "seq"])),
    (403, "forbidden", None),
    (403, "insufficient_permissions", None),
    (403, "insufficient_permissions", None),
    (403, "insufficient_permissions", None),
    (403, "insufficient_permissions", None),
    (403, "insufficient_permissions", None),
    (403, "account_suspended", None),
    (403, "email_not_verified", None),
    (404, "not_found", None),
    (404, "not_found", None),
    (404, "not_found", Some(&["api_key"])),
    (409, "resource_exists", Some(&["user_name"])),
    (409, "conflict", Some(&["fields"])),
    (409, "conflict", Some(&["fields"])),
    (413, "payload_too_large", None),
    (415, "unsupported_media_type", None),
    (422, "validation_failed", Some(&["quantty"])),
    (429, "rate_limit_exceeded", None),
    (429, "rate_limited", None),
    (500, "server_error", None),
    (503, "service_unavailable", None),
];

/// A console with everybody who is refused something.
struct Cast {
    world: World,
    ada: Member,
    bob: Member,
    reads: Caller,
    writes: Caller,
    service: Caller,
}

impl Cast {
    async fn new() -> Self {
        let world = World::start().await;
        let (ada, bob) = (world.member_with("ada", "10").await, world.member_with("bob", "10").await);
        let reads = world.key(&ada, Permission::ReadOnly).await;
        let reads = world.caller(reads.secret.as_str());
        let writes = world.as_member(&ada).await;
        let service = world.service_with(Scopes::of(Scope::ALL), None).await.caller;
        Self { world, ada, bob, reads, writes, service }
    }

    fn holder(&self, secret: &str) -> Caller {
        self.world.caller(secret)
    }

    async fn unreadable(&self) -> [Answer; 2] {
        let wrong_type = with(&prediction("a", &self.ada), "quantity", json!([1]));
        [self.service.post_text(EVENTS, "{\"id\":").await, self.service.post(EVENTS, &wrong_type).await]
    }

    async fn not_let_in(&self) -> [Answer; 5] {
        let anon = self.world.anon();
        let two = self.reads.request(Method::GET, "/auth/user").header("x-api-key", "plx_sk_other");
        let expired = self.world.key_for(&self.ada, Permission::ReadOnly, Some(1)).await;
        let revoked = self.world.key(&self.ada, Permission::ReadWrite).await;
        self.writes.delete(&format!("{KEYS}/{}", revoked.key.id)).await.ok();
        let revoked = self.holder(revoked.secret.as_str());
        self.world.clock.advance(2 * DAY);
        [
            anon.get("/auth/user").await,
            self.holder("plx_sk_nobody").get("/auth/user").await,
            answer(two).await,
            self.holder(expired.secret.as_str()).get("/auth/user").await,
            revoked.get("/auth/user").await,
        ]
    }

    async fn not_paid(&self) -> [Answer; 2] {
        let limit = json!({"amount": 1, "period": "day"});
        let body = json!({"name": "little", "permission_level": "read_write", "spend_limit": limit});
        let little = self.writes.post(KEYS, &body).await.ok();
        let by_key = json!({
            "id": "limited", "source": "test", "api_key": little["key"], "operation": "model.prediction", "quantity": 11,
        });
        [
            self.service.post(EVENTS, &event("dear", &self.ada, "model.build", "1")).await,
            self.service.post(EVENTS, &by_key).await,
        ]
    }

    async fn not_allowed(&self) -> [Answer; 8] {
        let world = &self.world;
        let form = world.anon().request(Method::POST, "/sign-in").header("sec-fetch-site", "cross-site");
        let checks = world.service_with(Scopes::of([Scope::Check]), None).await.caller;
        let other = world.service_with(Scopes::usual(), Some("other")).await.caller;
        let new_key = json!({"name": "k", "permission_level": "read_only"});
        let suspended = world.member_with("eve", "10").await;
        world.console.set_user_status("eve@example.com", AccountStatus::Suspended).await.expect("eve");
        [
            answer(form.form(&[("email", "ada@example.com")])).await,
            self.reads.post(KEYS, &new_key).await,
            self.writes.post(EVENTS, &prediction("b", &self.ada)).await,
            self.service.get("/auth/user").await,
            checks.post(EVENTS, &prediction("c", &self.ada)).await,
            other.post(EVENTS, &prediction("d", &self.ada)).await,
            self.service.post(EVENTS, &prediction("e", &suspended)).await,
            self.unverified().await.post(KEYS, &new_key).await,
        ]
    }

    async fn unverified(&self) -> Caller {
        let (world, random) = (&self.world, server::random::SystemRandom);
        let now = server::clock::Clock::now(&*world.clock);
        let user = NewUser {
            id: server::random::user_id(&random, now),
            account_id: server::random::account_id(&random, now),
            email: "new@example.com".to_owned(),
            name: "new".to_owned(),
            user_name: "new".to_owned(),
            password_hash: None,
            verified_at: None,
            is_operator: false,
            time_zone: "UTC".to_owned(),
            created_at: now,
        };
        world.console.store.insert_user(&user).await.expect("a new user");
        let row = world.console.get_user_by_email(&user.email).await.expect("the user");
        let member = Member { user_id: row.id, account: row.account_id, account_no: row.account_no, row };
        world.as_member(&member).await
    }

    async fn not_there(&self) -> [Answer; 3] {
        let charged = self.service.post(EVENTS, &prediction("bobs", &self.bob)).await.ok();
        let receipt = format!("{EVENTS}/{}", charged["event_id"].as_str().expect("an id"));
        let unknown = json!({
            "id": "x", "source": "test", "api_key": "plx_sk_nobody", "operation": "model.prediction", "quantity": 1,
        });
        [
            self.writes.get("/usage/events/evt_1").await,
            self.writes.get(&receipt).await,
            self.service.post(EVENTS, &unknown).await,
        ]
    }

    async fn against_what_is_stored(&self) -> [Answer; 3] {
        self.service.post(EVENTS, &prediction("same", &self.ada)).await.ok();
        let other = with(&prediction("same", &self.ada), "quantity", json!(2));
        let hold = self.service.post("/usage/holds", &prediction("held", &self.ada)).await.ok();
        let hold = format!("/usage/holds/{}", hold["hold_id"].as_str().expect("an id"));
        self.service.post_text(&format!("{hold}/release"), "{}").await.ok();
        [
            self.writes.patch("/auth/user", &json!({"user_name": "bob"})).await,
            self.service.post(EVENTS, &other).await,
            self.service.post(&format!("{hold}/settle"), &json!({"quantity": 1})).await,
        ]
    }

    async fn not_taken(&self) -> [Answer; 3] {
        let text = self.service.request(Method::POST, EVENTS).header("content-type", "text/plain");
        let misspelt = with(&prediction("f", &self.ada), "quantty", json!(1));
        [
            self.service.post_text(EVENTS, " ".repeat((1 << 20) + 1)).await,
            answer(text.body("{}")).await,
            self.service.post(EVENTS, &misspelt).await,
        ]
    }

    async fn too_many(&self) -> [Answer; 2] {
        let limits = RateLimits { accounts: 1, ..RateLimits::default() };
        let strict = World::with(|config| config.rate_limits = limits).await;
        let caller = strict.as_member(&strict.member("ada").await).await;
        caller.get("/auth/user").await.ok();
        let new_key = json!({"name": "k", "permission_level": "read_only"});
        // Those that the cast was given count as well.
        let mut eleventh = self.writes.post(KEYS, &new_key).await;
        for _ in 0..10 {
            eleventh = self.writes.post(KEYS, &new_key).await;
        }
        [caller.get("/auth/user").await, eleventh]
    }

    async fn our_fault(self) -> [Answer; 2] {
        Raw::open(&self.world.database()).await.fail_inserts("entries", "NEW.event_id = 'poison'").await;
        let failed = self.service.post(EVENTS, &prediction("poison", &self.ada)).await;
        self.world.console.store.close().await;
        [failed, self.world.anon().get("/readyz").await]
    }
}

#[tokio::test]
async fn every_row_of_the_error_table_is_answered() {
    let cast = Cast::new().await;
    let mut answers: Vec<Answer> = vec![];
    answers.extend(cast.unreadable().await);
    answers.extend(cast.not_let_in().await);
    answers.extend(cast.not_paid().await);
    answers.extend(cast.not_allowed().await);
    answers.extend(cast.not_there().await);
    answers.extend(cast.against_what_is_stored().await);
    answers.extend(cast.not_taken().await);
    answers.extend(cast.too_many().await);
    answers.extend(cast.our_fault().await);
    assert_eq!(answers.len(), TABLE.len());
    for (answer, (status, code, details)) in answers.iter().zip(TABLE) {
        assert_error(answer, status, code, "");
        let error = &answer.body["error"];
        let found: Option<Vec<&str>> = error.get("details").map(names);
        assert_eq!(found.as_deref(), details, "{error}");
        let usual = ["code", "message", "request_id", "status"];
        let rest: Vec<&String> = error
            .as_object()
            .expect("an object")
            .keys()
            .filter(|name| !usual.contains(&name.as_str()))
            .collect();
        assert!(rest.is_empty() || rest == ["details"], "{error}");
        let seconds = answer.header("retry-after").parse::<u32>().ok();
        assert_eq!(seconds.is_some_and(|seconds| seconds > 0), matches!(status, 429 | 503), "{status}");
        assert_eq!(answer.header("www-authenticate"), if status == 401 { "Bearer" } else { "" });
    }
    let conflict = &answers[21].body["error"]["details"]["fields"];
    assert_eq!(conflict, &json!(["quantity"]), "the fields that differ are named");
}

/// Fields of an object, in order.
fn names(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

const KEY: [&str; 10] = [
    "created_at",
    "created_by",
    "expires_at",
    "key_id",
    "key_prefix",
    "key_suffix",
    "last_used_at",
    "name",
    "permission_level",
    "status",
];

#[tokio::test]
async fn member_s_keys_have_the_fields_of_the_contract() {
    let cast = Cast::new().await;
    let member = &cast.writes;
    let body = json!({"name": "ci", "permission_level": "read_only"});
    let made = member.post(KEYS, &body).await.ok();
    let of_made = ["created_at", "created_by", "expires_at", "key", "key_id", "name", "permission_level"];
    assert_eq!(names(&made), of_made);
    let path = format!("{KEYS}/{}", made["key_id"].as_str().expect("an id"));
    let list = member.get(KEYS).await.ok();
    assert_eq!(names(&list), ["keys", "pagination"]);
    assert_eq!(names(&list["keys"][0]), KEY);
    assert_eq!(names(&list["pagination"]), ["has_more", "limit", "offset", "total"]);
    let one = member.get(&path).await.ok();
    assert_eq!(names(&without(&one, "usage_stats")), KEY);
    let stats = ["requests_last_24h", "requests_last_30d", "requests_last_7d"];
    assert_eq!(names(&one["usage_stats"]), stats);
    assert_eq!(names(&member.patch(&path, &json!({"name": "other"})).await.ok()), KEY);
    let level = member.patch(&path, &json!({"permission_level": "read_write"})).await;
    assert_error(&level, 422, "validation_failed", "permission_level");
    let revoked = member.delete(&path).await.ok();
    assert_eq!(names(&revoked), ["key_id", "revoked_at", "status"]);
    assert_eq!(revoked["status"], "revoked");
    let secret = made["key"].as_str().expect("a secret");
    let prefix = (one["key_prefix"].as_str(), one["key_suffix"].as_str());
    assert_eq!(
        prefix,
        (secret.get(..11), secret.get(secret.len() - 4..)),
        "plx_sk_ and four, then the last four"
    );
}

#[tokio::test]
async fn member_reads_who_they_are_with_the_fields_of_the_contract() {
    let cast = Cast::new().await;
    for reader in [&cast.reads, &cast.writes] {
        let user = reader.get("/auth/user").await.ok();
        let of_user =
            ["consumption", "credits", "email", "has_api_key", "is_active", "name", "user_id", "user_name"];
        assert_eq!(names(&user), of_user);
        let profile = reader.get("/usage/profile").await.ok();
        assert_eq!(names(&profile), ["email", "name", "usage", "user_id"]);
        assert_eq!(names(&profile["usage"]), ["consumption", "credits"]);
        let current = reader.get("/usage/current").await.ok();
        let of_current =
            ["consumption", "credits", "debt", "held", "period_end", "period_start", "plan", "seq"];
        assert_eq!(names(&current), of_current);
    }
}
