//! What happens by itself happens once, however many servers there are.

use std::collections::BTreeSet;

use ledger::Timestamp;
use ledger::time::{DAY, SECOND};
use serde_json::json;
use server::clock::{Clock, ManualClock, SystemClock};
use server::mail::Letter;
use server::store::{DatabaseUrl, Store};

use super::{Pair, empty_site};
use crate::harness::events::{EVENTS, prediction, with};
use crate::harness::process::{Site, ended};
use crate::harness::raw::Raw;
use crate::harness::smtp::MailServer;
use crate::harness::{PATIENCE, START, World};

const MAILS: usize = 40;

async fn store(database: &DatabaseUrl) -> Store {
    Store::open(database, &SystemClock).await.expect("the database")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_two_servers_find_are_sent_once() {
    drop(empty_site().await);
    let mut mail_server = MailServer::start().await;
    let world = World::start().await;
    world.clock.set(SystemClock.now());
    for n in 0..MAILS {
        let letter = Letter::PasswordChanged { name: "Ada".to_owned() };
        world.console.send_mail(&format!("user{n}@example.com"), &letter).await.unwrap();
    }
    let site = Site::at(world.close().await);
    let url = mail_server.url();
    let settings = [("SMTP_URL", url.as_str())];
    let (one, two) = tokio::join!(site.serve_with(&settings), site.serve_with(&settings));
    let mut recipients = BTreeSet::new();
    for _ in 0..MAILS {
        recipients.insert(mail_server.mail().await["to"].to_string());
    }
    assert_eq!(recipients.len(), MAILS);
    for serving in [one, two] {
        assert_eq!(serving.terminate().await, Some(0));
    }
    assert!(mail_server.stop().await.is_empty(), "one came twice");
}

#[tokio::test]
async fn a_mail_that_a_server_died_with_is_another_s_after_its_lease() {
    let world = World::start().await;
    drop(empty_site().await);
    world
        .console
        .send_mail("ada@example.com", &Letter::PasswordChanged { name: "Ada".to_owned() })
        .await
        .unwrap();
    let (one, two) = (&world.console.store, store(&world.database()).await);
    let clock = |seconds: i64| ManualClock::at(START.saturating_add(seconds * SECOND));
    let (minute, hour) = (60 * SECOND, 3_600 * SECOND);
    let late = one.take_due_mail(&clock(0), minute).await.unwrap().expect("a mail");
    assert!(two.take_due_mail(&clock(59), minute).await.unwrap().is_none());
    let taken = two.take_due_mail(&clock(60), minute).await.unwrap().expect("the same mail");
    // The first one, which was taken for dead, says what became of its attempt: that is no longer asked.
    assert!(!one.record_mail_postponed(&late, &clock(61), hour, "late").await.unwrap());
    assert!(!one.record_mail_failed(&late, START, "late").await.unwrap());
    assert!(!one.record_mail_delivered(&late, START).await.unwrap());
    assert!(one.take_due_mail(&clock(61), minute).await.unwrap().is_none(), "the other's still");
    assert!(two.record_mail_delivered(&taken, START).await.unwrap());
    two.close().await;
}

/// The clock of a machine that is a day ahead.
#[derive(Debug)]
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(DAY)
    }

    fn is_of_the_machine(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn what_has_fallen_due_is_looked_for_by_the_clock_that_posts_it() {
    let world = World::start().await;
    drop(empty_site().await);
    world.clock.set(SystemClock.now());
    let ada = world.member("ada").await;
    world.grant_until(&ada, "1", Some(SystemClock.now().saturating_add(3_600 * SECOND))).await;
    let store = &world.console.store;
    let ever = Timestamp::from_micros(0);
    assert!(
        store.accounts_with_dues(&Ahead, ever, 10).await.unwrap().is_empty(),
        "in an hour, says the database"
    );
    let tomorrow = ManualClock::at(Ahead.now());
    assert_eq!(store.accounts_with_dues(&tomorrow, ever, 10).await.unwrap(), [ada.account]);
    let recent = tomorrow.now();
    assert!(store.accounts_with_dues(&tomorrow, recent, 10).await.unwrap().is_empty(), "seen to by then");
}

#[tokio::test]
async fn leases_go_by_the_database_s_clock_and_no_server_s_own() {
    let world = World::start().await;
    drop(empty_site().await);
    world.clock.set(SystemClock.now());
    let letter = Letter::PasswordChanged { name: "Ada".to_owned() };
    world.console.send_mail("ada@example.com", &letter).await.unwrap();
    let (one, two) = (&world.console.store, store(&world.database()).await);
    let minute = 60 * SECOND;
    let mail = one.take_due_mail(&SystemClock, minute).await.unwrap().expect("a mail");
    assert!(two.take_due_mail(&Ahead, minute).await.unwrap().is_none(), "it is leased for a minute");
    assert!(one.record_mail_postponed(&mail, &Ahead, minute, "later").await.unwrap());
    let soon = ManualClock::at(SystemClock.now().saturating_add(2 * minute));
    assert!(two.take_due_mail(&soon, minute).await.unwrap().is_some(), "in a minute, not in a day");
    two.close().await;
}

#[tokio::test]
async fn one_server_leads_until_it_ends() {
    let site = empty_site().await;
    let (one, two) = (store(&site.database()).await, store(&site.database()).await);
    let mut first = one.join(&[]).await.unwrap().expect("a shared database");
    let mut second = two.join(&[]).await.unwrap().expect("a shared database");
    assert!(first.try_to_lead().await.unwrap());
    assert!(!second.try_to_lead().await.unwrap());
    first.close().await;
    // Postgres lets go of the locks of a connection a moment after it was closed.
    let leading = async { while !second.try_to_lead().await.unwrap() {} };
    tokio::time::timeout(PATIENCE, leading).await.expect("the other's turn");
    second.close().await;
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn a_server_that_counts_by_other_dimensions_is_refused_while_others_serve() {
    let pair = Pair::start().await;
    let serve = |dimensions: &str| {
        let mut command = pair.site.command(&["serve"]);
        command.env("CONSOLE_USAGE_DIMENSIONS", dimensions);
        ended(command)
    };
    let refused = serve("team").await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let last = refused.stderr.lines().last().expect("a sentence");
    assert!(last.contains("count by the usage_dimensions []"), "{last}");
    let Pair { site, nodes, .. } = pair;
    for node in nodes {
        assert_eq!(node.terminate().await, Some(0));
    }
    let settings = [("CONSOLE_USAGE_DIMENSIONS", "team")];
    let (one, two) = tokio::join!(site.serve_with(&settings), site.serve_with(&settings));
    for serving in [one, two] {
        assert_eq!(serving.terminate().await, Some(0));
    }
}

#[tokio::test]
async fn two_servers_start_at_once_on_an_empty_database() {
    for _ in 0..3 {
        let site = Site::empty().await;
        let (one, two) = tokio::join!(site.serve(), site.serve());
        for serving in [one, two] {
            assert_eq!(serving.terminate().await, Some(0));
        }
        assert_eq!(site.json(&["rate-card", "show"]).await["version"], 1);
    }
}

#[tokio::test]
async fn dimensions_that_were_counted_beside_others_are_never_taken_for_whole() {
    drop(empty_site().await);
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let event = with(&prediction("a", &ada), "dimensions", json!({"model": "churn"}));
    service.caller.post(EVENTS, &event).await.ok();
    let place = world.close().await;
    let mut raw = Raw::open(&place.database()).await;
    // Whoever keeps others from posting loses the connection for that while it counts.
    raw.run(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
         WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' \
         AND l.pid <> pg_backend_pid(); RETURN NULL; END $$",
    )
    .await;
    raw.run("CREATE TRIGGER cut BEFORE INSERT ON dimension_rollups EXECUTE FUNCTION cut()").await;
    let store = store(&place.database()).await;
    let by = ["model".to_owned()];
    assert!(store.join(&by).await.is_err());
    let complete = "SELECT CAST(is_complete AS TEXT) FROM usage_dimensions";
    let counted = "SELECT CAST(count AS TEXT) FROM dimension_rollups";
    assert_eq!(raw.texts(complete).await, ["0"]);
    assert!(raw.texts(counted).await.is_empty(), "nor is anything kept that others may count as well");
    raw.run("DROP TRIGGER cut ON dimension_rollups").await;
    let listening = store.join(&by).await.unwrap().expect("a shared database");
    assert_eq!(raw.texts(complete).await, ["1"]);
    assert_eq!(raw.texts(counted).await, ["1"]);
    store.verify_account(ada.account_no, ada.account).await.expect("books without a mismatch");
    listening.close().await;
    store.close().await;
}
