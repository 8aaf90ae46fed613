//! The outbox as an operator opens it.

use ledger::time::SECOND;
use serde_json::{Value, json};
use server::clock::{Clock as _, SystemClock};
use server::mail::Letter;

use crate::harness::World;
use crate::harness::process::Site;
use crate::harness::raw::Raw;

const LINK: &str = "http://localhost:3000/verify?token=0123456789abcdef";

/// Three mails, the last two to Ada, and no mail server.
async fn written(world: &World) {
    let (name, link) = ("Ada".to_owned(), LINK.to_owned());
    let notice = Letter::PasswordChanged { name: "Bob".to_owned() };
    world.console.send_mail("bob@example.com", &notice).await.unwrap();
    let verify = Letter::VerifyEmail { name: name.clone(), link: format!("{link}1") };
    world.console.send_mail("ada@example.com", &verify).await.unwrap();
    let reset = Letter::ResetPassword { name, link: format!("{link}2") };
    world.console.send_mail("Ada@example.com", &reset).await.unwrap();
}

/// A data directory with these mails, written just now.
async fn site() -> Site {
    let world = World::start().await;
    world.clock.set(SystemClock.now());
    written(&world).await;
    Site::at(world.close().await)
}

fn links(answer: &Value) -> Vec<Option<&str>> {
    answer["mails"].as_array().expect("mails").iter().map(|mail| mail["link"].as_str()).collect()
}

#[tokio::test]
async fn operator_sees_the_newest_first_with_their_links() {
    let site = site().await;
    let (verify, reset) = (format!("{LINK}1"), format!("{LINK}2"));
    let all = site.json(&["outbox"]).await;
    assert_eq!(links(&all), [Some(reset.as_str()), Some(&verify), None]);
    let newest = &all["mails"][0];
    assert_eq!((&newest["email"], &newest["kind"]), (&json!("ada@example.com"), &json!("reset_password")));
    assert_eq!((&newest["status"], &newest["attempts"]), (&json!("waiting"), &json!(0)));
    let hers = site.json(&["outbox", "--email", "ADA@example.com"]).await;
    assert_eq!(links(&hers), [Some(reset.as_str()), Some(&verify)]);
    let nobody = site.run(&["outbox", "--email", "eve@example.com"]).await;
    assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(0), "no mail waits\n"));
}

#[tokio::test]
async fn operator_sees_the_same_through_a_running_server() {
    let site = site().await;
    let serving = site.serve().await;
    let text = site.run(&["outbox"]).await.stdout;
    let line = text.lines().position(|line| line.contains("ada@example.com  Choose a new password  waiting"));
    assert_eq!(line, Some(0), "{text}");
    assert_eq!(text.lines().nth(1), Some(format!("  {LINK}2").as_str()));
    serving.kill();
}

#[tokio::test]
async fn operator_is_written_down_for_looking() {
    let world = World::start().await;
    written(&world).await;
    world.console.open_outbox("command line", None).await.unwrap();
    world.console.open_outbox("command line", Some(" Ada@Example.com ")).await.unwrap();
    let mut raw = Raw::open(&world.database()).await;
    let log = raw.texts("SELECT concat_ws('|', at, actor, action, subject) FROM audit_log ORDER BY no").await;
    assert_eq!(
        log,
        [
            "1795348800000000|command line|outbox.open|",
            "1795348800000000|command line|outbox.open|ada@example.com"
        ]
    );
    for change in ["DELETE FROM audit_log", "UPDATE audit_log SET actor = 'somebody else'"] {
        let refused = raw.try_run(change).await.unwrap_err();
        assert!(refused.replace('_', " ").contains("audit log is never "), "{refused}");
    }
}

#[tokio::test]
async fn operator_sees_no_link_where_mails_are_sent() {
    let send = |config: &mut server::config::Config| config.smtp_url = "smtp://localhost".parse().ok();
    let world = World::with(send).await;
    written(&world).await;
    let outbox = world.console.open_outbox("command line", None).await.unwrap();
    assert!(outbox.smtp && outbox.mails.len() == 3);
    assert!(outbox.mails.iter().all(|mail| mail.link.is_none()));
}

#[tokio::test]
async fn operator_sees_no_link_after_an_hour() {
    let world = World::start().await;
    written(&world).await;
    world.clock.advance(3_600 * SECOND - 1);
    let outbox = world.console.open_outbox("command line", None).await.unwrap();
    assert_eq!(outbox.mails.iter().filter(|mail| mail.link.is_some()).count(), 2);
    world.clock.advance(1);
    let outbox = world.console.open_outbox("command line", None).await.unwrap();
    assert!(outbox.mails.iter().all(|mail| mail.link.is_none() && mail.failed_at.is_some()));
    let mut raw = Raw::open(&world.database()).await;
    let kept =
        "SELECT id FROM mails WHERE text_body IS NOT NULL OR html_body IS NOT NULL OR link IS NOT NULL";
    assert_eq!(raw.texts(kept).await, [] as [String; 0]);
}

#[tokio::test]
async fn nobody_finds_an_old_mail_for_ever() {
    let world = World::start().await;
    written(&world).await;
    world.clock.advance(3_600 * SECOND);
    let (store, now) = (&world.console.store, world.console.clock.now());
    assert_eq!(store.expire_mails(now).await.unwrap(), 3);
    assert_eq!(store.delete_old_mails(now).await.unwrap(), 3);
}
