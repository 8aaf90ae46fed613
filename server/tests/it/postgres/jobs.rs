//! What happens by itself happens once, however many servers there are.

use std::collections::BTreeSet;

use server::clock::{Clock as _, SystemClock};
use server::mail::Letter;
use server::store::{DatabaseUrl, Store};

use super::{Pair, empty_site};
use crate::harness::PATIENCE;
use crate::harness::World;
use crate::harness::process::{Site, ended};
use crate::harness::smtp::MailServer;

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
    let now = world.console.clock.now();
    let until = now.saturating_add(60_000_000);
    assert!(one.take_due_mail(now, until).await.unwrap().is_some());
    assert!(two.take_due_mail(now, until).await.unwrap().is_none());
    assert!(two.take_due_mail(until, until.saturating_add(1)).await.unwrap().is_some());
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
