//! Books that an older version has written are whole after an upgrade.

use std::borrow::Cow;
use std::path::Path;

use ledger::time::DAY;
use server::store::{NewProblemReport, Permission};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::{START, World};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Makes the file what a binary that knows migrations up to `version` would have left: its tables, and all rows of today's as
/// far as they have columns there.
pub async fn put_back(database: &Path, version: i64) {
    let newer = database.with_extension("newer");
    std::fs::rename(database, &newer).unwrap();
    let options = SqliteConnectOptions::new().filename(database).create_if_missing(true).foreign_keys(false);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    let until = MIGRATIONS.iter().filter(|migration| migration.version <= version).cloned().collect();
    Migrator { migrations: Cow::Owned(until), ..Migrator::DEFAULT }.run(&mut old).await.unwrap();
    let attach = format!("ATTACH '{}' AS newer", newer.display());
    sqlx::query(AssertSqlSafe(attach)).execute(&mut old).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut old)
    .await
    .unwrap();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&table)
            .fetch_all(&mut old)
            .await
            .unwrap();
        let columns = columns.join(", ");
        let copy =
            format!("INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}");
        sqlx::query(AssertSqlSafe(copy)).execute(&mut old).await.unwrap();
    }
    old.close().await.unwrap();
    std::fs::remove_file(newer).unwrap();
}

#[tokio::test]
async fn books_from_before_holds_are_whole_after_the_upgrade() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "0.15").await, world.service().await);
    let voided = world.grant(&ada, "5").await;
    world.grant_until(&ada, "3", Some(START.saturating_add(DAY))).await;
    let legs = with(
        &event("legs", &ada, "model.prediction", "2"),
        "dimensions",
        serde_json::json!({"model": "churn"}),
    );
    let charged = service.caller.post(EVENTS, &legs).await.ok();
    world.console.void_grant(voided.grant_id, "a mistake").await.unwrap();
    world.clock.advance(2 * DAY);
    world.balance(&ada).await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let report = NewProblemReport {
        account_no: ada.account_no,
        seq: charged["seq"].as_u64().unwrap(),
        user_id: ada.user_id,
        text: "This is too much.".to_owned(),
        created_at: START,
    };
    world.console.store.insert_problem_report(&report).await.unwrap();
    let before = world.books().await;

    let world = world.restart_after(async |database| put_back(database, 7).await).await;
    assert_eq!(world.books().await, before);
    world.verify(&ada).await;
    assert_eq!(world.console.list_problem_reports().await.unwrap().len(), 1);
    let reader = world.caller(key.secret.as_str());
    let grants = reader.get("/credits/grants?status=voided").await.ok();
    assert_eq!(grants["grants"][0]["void_reason"], "a mistake");
    world.grant(&ada, "1").await;
    let service = world.service().await;
    service.caller.post(EVENTS, &prediction("after", &ada)).await.ok();
    world.verify(&ada).await;
}
