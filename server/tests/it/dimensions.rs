//! Declared dimensions: consumption by what services say about their work.

use ledger::Credits;
use ledger::time::DAY;
use serde_json::{Value, json};
use server::config::Config;
use server::store::Permission;

use crate::harness::client::{amount, assert_error};
use crate::harness::events::{self, EVENTS, event, prediction, with};
use crate::harness::raw::Raw;
use crate::harness::{Member, World, credits};
use crate::rollup_windows::declaring;

fn declared(config: &mut Config) {
    config.usage_dimensions = declaring(&["model", "team"]);
}

/// Charges predictions with these models.
async fn predict(world: &World, member: &Member, models: &[&str]) {
    let service = world.service().await;
    let item = |(n, model): (usize, &&str)| {
        let id = format!("{}-{n}", service.key_id);
        with(&prediction(&id, member), "dimensions", json!({"model": model, "region": "eu"}))
    };
    let items: Vec<Value> = models.iter().enumerate().map(item).collect();
    let answer = service.caller.post(EVENTS, &json!(items)).await.ok();
    assert_eq!(answer["accepted"], models.len(), "{answer}");
}

type Group = (Option<String>, String);

/// Group and credits of each series in the last week.
async fn groups(world: &World, member: &Member, query: &str) -> Vec<Group> {
    // What happens at this very instant is not in the past yet.
    world.clock.advance(1);
    let history = world.as_member(member).await.get(&format!("/usage/history?{query}")).await.ok();
    let total = |series: &Value| {
        let points = series["points"].as_array().unwrap().iter();
        Credits::sum(points.map(|point| amount(&point["credits"]))).unwrap().to_string()
    };
    let group = |series: &Value| series["group"].as_str().map(str::to_owned);
    let series = history["series"].as_array().unwrap();
    series.iter().map(|one| (group(one), total(one))).collect()
}

fn some(group: &str, credits: &str) -> Group {
    (Some(group.to_owned()), credits.to_owned())
}

fn without(credits: &str) -> Group {
    (None, credits.to_owned())
}

#[tokio::test]
async fn member_groups_by_a_declared_dimension_and_all_groups_add_up_to_everything() {
    let world = World::with(declared).await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let key = world.key(&ada, Permission::ReadWrite).await;
    predict(&world, &ada, &["churn", "churn", "fraud", ""]).await;
    let keyed = with(
        &events::without(&event("k", &ada, "model.inference", "4"), "user_id"),
        "api_key",
        json!(key.secret.as_str()),
    );
    let keyed = with(&keyed, "dimensions", json!({"model": "fraud"}));
    let plain = event("p", &ada, "model.inference", "3");
    service.caller.post(EVENTS, &json!([keyed, plain])).await.ok();
    for step in ["15m", "hour", "day", "month"] {
        let found = groups(&world, &ada, &format!("group_by=dim:model&granularity={step}")).await;
        // One says nothing about its model, and one says that it is "".
        assert_eq!(found, [some("fraud", "0.5"), without("0.4"), some("churn", "0.2")], "{step}");
    }
    let caller = world.as_member(&ada).await;
    let history = caller.get("/usage/history?group_by=dim:model").await.ok();
    assert_eq!(amount(&history["total"]), credits("1.1"));
    assert_eq!(groups(&world, &ada, "group_by=dim:team").await, [without("1.1")]);
    let filtered = groups(&world, &ada, "group_by=dim:model&operation=model.inference").await;
    assert_eq!(filtered, [some("fraud", "0.4"), without("0.3")]);
    let filtered = groups(&world, &ada, &format!("group_by=dim:model&api_key={}", key.key.id)).await;
    assert_eq!(filtered, [some("fraud", "0.4")]);
    let filtered = groups(&world, &ada, "group_by=dim:model&api_key=none&operation=model.prediction").await;
    assert_eq!(filtered, [some("churn", "0.2"), without("0.1"), some("fraud", "0.1")]);
    let bob = world.member("bob").await;
    assert_eq!(groups(&world, &bob, "group_by=dim:model").await, []);
    world.verify(&ada).await;
}

#[tokio::test]
async fn member_has_fifty_models_a_day_by_name_and_the_rest_is_other() {
    let mut world = World::with(declared).await;
    let ada = world.member_with("ada", "100").await;
    let names: Vec<String> = (0..60).map(|n| format!("m{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Of them "other" takes no place; all in one commit and, after a restart, in another.
    predict(&world, &ada, &["other"]).await;
    predict(&world, &ada, &names[..40]).await;
    world = world.restart_with(declared).await;
    predict(&world, &ada, &names).await;
    let found = groups(&world, &ada, "group_by=dim:model&granularity=15m").await;
    assert_eq!(found.len(), 51);
    assert_eq!(found[0], some("other", "1.1"), "ten that came too late and one that is called so");
    assert_eq!((&found[1], &found[50]), (&some("m00", "0.2"), &some("m49", "0.1")));
    world.clock.advance(DAY);
    predict(&world, &ada, &names[50..]).await;
    let today =
        groups(&world, &ada, "group_by=dim:model&from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z").await;
    assert_eq!(
        (today.len(), &today[0]),
        (10, &some("m50", "0.1")),
        "the next day has fifty names of its own"
    );
    // Over both days there are sixty names: a history has the fifty dearest, and the rest is other as well.
    let both = groups(&world, &ada, "group_by=dim:model").await;
    assert_eq!((both.len(), &both[0]), (51, &some("other", "2.1")));
    world.verify(&ada).await;
}

#[tokio::test]
async fn member_asks_for_what_is_not_declared_and_is_told_what_is() {
    let world = World::with(declared).await;
    let caller = world.as_member(&world.member("ada").await).await;
    for undeclared in ["region", "Model", "", "model,team"] {
        let answer = caller.get(&format!("/usage/history?group_by=dim:{undeclared}")).await;
        assert_error(&answer, 422, "validation_failed", "declared are dim:model, dim:team");
    }
    let plain = World::start().await;
    let caller = plain.as_member(&plain.member("ada").await).await;
    let answer = caller.get("/usage/history?group_by=dim:model").await;
    assert_error(&answer, 422, "validation_failed", "no dimension is");
}

#[tokio::test]
async fn operator_declares_a_dimension_later_and_what_was_charged_before_is_counted_too() {
    let mut world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "100").await, world.member_with("bob", "100").await);
    let names: Vec<String> = (0..55).map(|n| n.to_string()).collect();
    predict(&world, &ada, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    predict(&world, &bob, &["churn"]).await;
    assert_eq!(
        Raw::open(&world.database()).await.texts("SELECT value FROM dimension_rollups").await,
        [""; 0]
    );

    world = world.restart_with(declared).await;
    let found = groups(&world, &ada, "group_by=dim:model").await;
    assert_eq!((found.len(), &found[0]), (51, &some("other", "0.5")), "by the same rule");
    assert_eq!(groups(&world, &bob, "group_by=dim:model").await, [some("churn", "0.1")]);
    predict(&world, &bob, &["churn"]).await;
    world.verify(&ada).await;

    // While nobody asks for it nothing is kept; asked for again, nothing is missing.
    world = world.restart().await;
    assert_eq!(
        Raw::open(&world.database()).await.texts("SELECT value FROM dimension_rollups").await,
        [""; 0]
    );
    predict(&world, &bob, &["fraud"]).await;
    world = world.restart_with(declared).await;
    assert_eq!(
        groups(&world, &bob, "group_by=dim:model").await,
        [some("churn", "0.2"), some("fraud", "0.1")]
    );
    world.verify(&bob).await;
}

#[tokio::test]
async fn operator_starts_again_after_counting_was_cut_short() {
    let mut world = World::with(declared).await;
    let ada = world.member_with("ada", "100").await;
    predict(&world, &ada, &["churn", "fraud"]).await;
    let mut raw = Raw::open(&world.database()).await;
    raw.run("UPDATE usage_dimensions SET is_complete = 0 WHERE name = 'model'").await;
    raw.run("DELETE FROM dimension_rollups WHERE value = 'fraud'").await;
    world = world.restart_with(declared).await;
    let found = groups(&world, &ada, "group_by=dim:model").await;
    assert_eq!(found, [some("churn", "0.1"), some("fraud", "0.1")]);
    world.verify(&ada).await;
}

#[tokio::test]
async fn operator_finds_every_kind_of_wrong_rollup_of_a_dimension() {
    for sql in [
        "UPDATE dimension_rollups SET credits = credits + 1 WHERE value = 'churn'",
        "UPDATE dimension_rollups SET quantity = quantity + 1 WHERE value = 'churn'",
        "UPDATE dimension_rollups SET count = count + 1 WHERE value = 'churn'",
        "UPDATE dimension_rollups SET value = 'fraud' WHERE value = 'churn'",
        "UPDATE dimension_rollups SET dimension = 'team' WHERE value = 'churn'",
        "UPDATE dimension_rollups SET operation = 'model.other' WHERE value = 'churn'",
        "UPDATE dimension_rollups SET api_key = 'key_000000000000' WHERE value = 'churn'",
        "UPDATE dimension_rollups SET bucket = bucket - 900000000 WHERE value = 'churn'",
        "DELETE FROM dimension_rollups WHERE value = 'churn'",
        "INSERT INTO dimension_rollups SELECT account, dimension, bucket, operation, api_key, 'x', 1, 1, 1 FROM dimension_rollups LIMIT 1",
    ] {
        let world = World::with(declared).await;
        let ada = world.member_with("ada", "100").await;
        predict(&world, &ada, &["churn", "churn", "blue"]).await;
        world.verify(&ada).await;
        Raw::open(&world.database()).await.run(sql).await;
        let found = world.console.store.verify_account(ada.account_no, ada.account).await;
        let error = found.expect_err(sql).to_string();
        assert!(error.contains("rollups of the dimension"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn operator_erases_dimensions_and_what_can_still_be_checked_is() {
    let world = World::with(declared).await;
    let ada = world.member_with("ada", "100").await;
    predict(&world, &ada, &["churn", "fraud"]).await;
    world.clock.advance(DAY);
    predict(&world, &ada, &["churn"]).await;
    let mut raw = Raw::open(&world.database()).await;
    assert_eq!(raw.run("DELETE FROM event_dimensions WHERE seq = 2").await, 1);
    world.verify(&ada).await;
    let fails = async || world.console.store.verify_account(ada.account_no, ada.account).await.is_err();
    // Nobody knows what the first day's values were, but they were no more than everything.
    raw.run("UPDATE dimension_rollups SET value = 'x' WHERE value = 'fraud'").await;
    world.verify(&ada).await;
    raw.run("UPDATE dimension_rollups SET count = count + 1 WHERE value = 'x'").await;
    assert!(fails().await, "more than the bucket has");
    raw.run("UPDATE dimension_rollups SET count = count - 1 WHERE value = 'x'").await;
    // The second day's are all known.
    raw.run(
        "UPDATE dimension_rollups SET value = 'y' WHERE bucket = (SELECT max(bucket) FROM dimension_rollups)",
    )
    .await;
    assert!(fails().await, "another value on a day that is known");
}
