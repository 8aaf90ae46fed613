//! `GET /credits/grants`: the lots of an account, what is left of them and in which order they burn.

use ledger::grant::GrantKind;
use serde_json::{Value, json};
use server::console::grants::GrantForm;

use crate::harness::client::{Caller, assert_error};
use crate::harness::events::{EVENTS, event};
use crate::harness::{Member, START, World, credits};

const GRANTS: &str = "/credits/grants";

/// A grant of this kind; `from` and `to` in microseconds after the start.
async fn give(world: &World, member: &Member, kind: GrantKind, amount: &str, from: i64, to: Option<i64>) {
    let form = GrantForm {
        credits: credits(amount),
        kind,
        reason: format!("for {}", kind.name()),
        effective_at: Some(START.saturating_add(from)),
        expires_at: to.map(|to| START.saturating_add(to)),
        priority: None,
    };
    world.console.grant(member.account, form).await.expect("a grant");
}

/// One of every status, a second after the start; entry 1 issues what entry 2 voids.
async fn with_every_status() -> (World, Member, Caller) {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let voided = world.grant(&ada, "7").await;
    world.console.void_grant(voided.grant_id, "a mistake").await.unwrap();
    give(&world, &ada, GrantKind::Promo, "2", 0, Some(1_000_000)).await;
    give(&world, &ada, GrantKind::Plan, "1", 0, Some(500_000)).await;
    give(&world, &ada, GrantKind::Purchase, "50", 0, None).await;
    give(&world, &ada, GrantKind::Free, "5", 2_000_000, None).await;
    give(&world, &ada, GrantKind::Free, "3", 0, Some(9_000_000)).await;
    let service = world.service().await.caller;
    // 1 credit from the plan, half a credit from the promotion.
    service.post(EVENTS, &event("a", &ada, "model.prediction", "15")).await.ok();
    world.clock.advance(1_000_000);
    let caller = world.as_member(&ada).await;
    (world, ada, caller)
}

fn column<'a>(list: &'a Value, field: &str) -> Vec<&'a Value> {
    list["grants"].as_array().expect("grants").iter().map(|grant| &grant[field]).collect()
}

#[tokio::test]
async fn member_sees_what_became_of_each_grant_newest_first() {
    let (_world, ada, caller) = with_every_status().await;
    let list = caller.get(GRANTS).await.ok();
    assert_eq!(column(&list, "status"), ["active", "pending", "active", "used", "expired", "voided"]);
    assert_eq!(
        column(&list, "remaining"),
        [&json!(3), &json!(5), &json!(50), &json!(0), &json!(0), &json!(0)]
    );
    assert_eq!(list["pagination"], json!({"total": 6, "limit": 20, "offset": 0, "has_more": false}));
    let account = &ada.account.to_string()["acct_".len()..];
    assert_eq!(
        list["grants"][4],
        json!({
            "grant_id": format!("grant_{account}3"), "kind": "promo", "status": "expired", "amount": 2,
            "remaining": 0, "held": 0, "used": 0.5, "expired": 1.5, "voided": 0, "priority": 100,
            "effective_at": "2026-11-22T12:00:00Z", "expires_at": "2026-11-22T12:00:01Z",
            "issued_at": "2026-11-22T12:00:00Z", "source": "operator", "reason": "for promo", "void_reason": null,
            "burn_position": null, "burns_before_next": null, "seq": 3,
        })
    );
    assert_eq!(list["grants"][5]["void_reason"], "a mistake");
    for grant in list["grants"].as_array().unwrap() {
        let micros = |field: &str| credits(&grant[field].to_string()).micros();
        let parts: i64 = ["remaining", "held", "used", "expired", "voided"].map(micros).iter().sum();
        assert_eq!(parts, micros("amount"), "{grant}");
    }
}

#[tokio::test]
async fn member_sees_what_burns_next_and_which_rule_says_so() {
    let (_world, _, caller) = with_every_status().await;
    let list = caller.get(&format!("{GRANTS}?status=active")).await.ok();
    assert_eq!(column(&list, "kind"), ["free", "purchase"]);
    assert_eq!(column(&list, "burn_position"), [1, 2]);
    assert_eq!(column(&list, "burns_before_next"), [&json!("expires_sooner"), &Value::Null]);
}

#[tokio::test]
async fn member_pages_and_filters_grants() {
    let (_world, _, caller) = with_every_status().await;
    let page = caller.get(&format!("{GRANTS}?limit=2&offset=3")).await.ok();
    assert_eq!(column(&page, "seq"), [4, 3]);
    assert_eq!(page["pagination"], json!({"total": 6, "limit": 2, "offset": 3, "has_more": true}));
    for (status, seqs) in [
        ("pending", vec![6]),
        ("used", vec![4]),
        ("expired", vec![3]),
        ("voided", vec![1]),
        ("active", vec![7, 5]),
    ] {
        let list = caller.get(&format!("{GRANTS}?status={status}")).await.ok();
        assert_eq!(column(&list, "seq"), seqs, "{status}");
        assert_eq!(list["pagination"]["total"], seqs.len());
    }
    let past = caller.get(&format!("{GRANTS}?offset=99999999999999")).await.ok();
    assert_eq!((column(&past, "seq").len(), &past["pagination"]["total"]), (0, &json!(6)));
}

#[tokio::test]
async fn member_asks_for_grants_that_cannot_be() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("offset=-1", "offset"),
        ("status=gone", "status"),
        ("status=active&status=used", "status"),
        ("cursor=5", "cursor"),
        ("kind=free", "kind"),
    ] {
        assert_error(&caller.get(&format!("{GRANTS}?{query}")).await, 422, "validation_failed", field);
    }
}

#[tokio::test]
async fn member_sees_no_grants_of_others() {
    let (world, _, _) = with_every_status().await;
    let bob = world.member("bob").await;
    let list = world.as_member(&bob).await.get(GRANTS).await.ok();
    assert_eq!(
        list,
        json!({"grants": [], "pagination": {"total": 0, "limit": 20, "offset": 0, "has_more": false}})
    );
}

#[tokio::test]
async fn member_reads_grants_with_a_session_and_by_the_other_path() {
    let (world, ada, caller) = with_every_status().await;
    let cookie = world.visitor(&ada, "token").await;
    let page = cookie.open(GRANTS).await;
    assert_eq!((page.status, &page.body), (200, &caller.get(&format!("/v1{GRANTS}")).await.ok()));
}

#[tokio::test]
async fn anon_and_service_read_no_grants() {
    let world = World::start().await;
    assert_error(&world.anon().get(GRANTS).await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get(GRANTS).await, 403, "insufficient_permissions", "service key");
}
