//! Mails on their way to a real mail server: once, whatever happens in between.

use ledger::time::{DAY, SECOND};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use server::config::Config;
use server::mail::{Letter, Round, Sender};

use crate::harness::World;
use crate::harness::process::Site;
use crate::harness::raw::Raw;
use crate::harness::smtp::MailServer;

const LINK: &str = "https://console.example.org/verify?token=0123456789abcdef";
const HOUR: i64 = 3_600 * SECOND;

fn verification(name: &str) -> Letter {
    Letter::VerifyEmail { name: name.to_owned(), link: LINK.to_owned() }
}

fn notice() -> Letter {
    Letter::PasswordChanged { name: "Ada".to_owned() }
}

fn configured(config: &mut Config, url: &str) {
    config.smtp_url = Some(url.parse().expect("an SMTP URL"));
}

/// A console that sends by this server, and its sender, which the test sets to work.
async fn world(url: &str) -> (World, Sender) {
    let world = World::with(|config| configured(config, url)).await;
    let sender = Sender::new(&world.console.config).expect("no TLS").expect("a server");
    (world, sender)
}

async fn round(world: &World, sender: &Sender) -> Round {
    sender.send_due(&world.console, || true).await.expect("a store that works")
}

/// The only mail's columns.
async fn row(world: &World, columns: &str) -> String {
    let mut raw = Raw::open(&world.database()).await;
    let rows = raw.texts(&format!("SELECT concat_ws('|', {columns}) FROM mails")).await;
    assert_eq!(rows.len(), 1);
    rows[0].clone()
}

fn header<'a>(mail: &'a Value, name: &str) -> Vec<&'a str> {
    let lines = mail["headers"].as_array().expect("headers").iter().filter_map(Value::as_str);
    let is_named = |line: &&str| line.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
    lines.filter(is_named).collect()
}

#[tokio::test]
async fn a_mail_arrives_with_its_headers_and_both_bodies() {
    let mut server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    world.console.send_mail("Ada@Example.com", &verification("Ada Lovelace")).await.unwrap();
    assert_eq!(round(&world, &sender).await, Round { delivered: 1, ..Round::default() });
    let mail = server.mail().await;
    assert_eq!(mail["from"], "no-reply@localhost");
    assert_eq!(mail["to"], json!(["ada@example.com"]));
    assert_eq!(mail["subject"], "Confirm your e-mail address");
    assert_eq!(header(&mail, "from"), ["From: \"Plexe Console\" <no-reply@localhost>"]);
    assert_eq!(header(&mail, "to"), ["To: \"Ada Lovelace\" <ada@example.com>"]);
    assert_eq!(header(&mail, "date"), ["Date: Sun, 22 Nov 2026 12:00:00 +0000"]);
    assert_eq!(header(&mail, "auto-submitted"), ["Auto-Submitted: auto-generated"]);
    assert!(mail["message_id"].as_str().unwrap().starts_with("<mail_"), "{mail}");
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    assert!(text.starts_with("Hello Ada Lovelace,") && text.contains(LINK), "{text}");
    assert!(html.contains(&format!("<a href=\"{LINK}\"")), "{html}");
    assert_eq!(server.stop().await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_a_delivered_mail_said_is_erased_and_it_is_never_sent_again() {
    let server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    world.console.send_mail("ada@example.com", &verification("Ada")).await.unwrap();
    assert_eq!(row(&world, "CAST(link IS NULL AS INTEGER), CAST(text_body IS NULL AS INTEGER), CAST(html_body IS NULL AS INTEGER)").await, "0|0|0");
    assert_eq!(round(&world, &sender).await.delivered, 1);
    assert_eq!(row(&world, "CAST(link IS NULL AS INTEGER), CAST(text_body IS NULL AS INTEGER), CAST(html_body IS NULL AS INTEGER), attempts").await, "1|1|1|1");
    world.clock.advance(DAY);
    assert_eq!(round(&world, &sender).await, Round::default());
    assert_eq!(server.stop().await.len(), 1);
}

#[tokio::test]
async fn mails_leave_in_the_order_in_which_they_were_written() {
    let mut server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    for name in ["ada", "bob", "eve"] {
        world.console.send_mail(&format!("{name}@example.com"), &notice()).await.unwrap();
    }
    assert_eq!(round(&world, &sender).await.delivered, 3);
    for name in ["ada", "bob", "eve"] {
        assert_eq!(server.mail().await["to"], json!([format!("{name}@example.com")]));
    }
}

#[tokio::test]
async fn a_server_that_is_down_gets_the_mail_once_when_it_is_up() {
    let server = MailServer::start().await;
    let port = server.port;
    let (world, sender) = world(&server.url()).await;
    server.stop().await;
    world.console.send_mail("ada@example.com", &verification("Ada")).await.unwrap();
    world.console.send_mail("bob@example.com", &notice()).await.unwrap();
    // What the first learns spares the second the attempt.
    let down = Round { postponed: 1, interrupted: true, ..Round::default() };
    assert_eq!(round(&world, &sender).await, down);
    assert_eq!(round(&world, &sender).await, down);
    let mut server = MailServer::again_on(port).await;
    assert_eq!(round(&world, &sender).await, Round::default(), "not before the pause is over");
    world.clock.advance(30 * SECOND);
    assert_eq!(round(&world, &sender).await, Round { delivered: 2, ..Round::default() });
    assert_eq!(server.mail().await["to"], json!(["ada@example.com"]));
    assert_eq!(server.mail().await["to"], json!(["bob@example.com"]));
    world.clock.advance(DAY);
    assert_eq!(round(&world, &sender).await, Round::default());
    assert_eq!(server.stop().await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_again_later() {
    let mut server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    world.console.send_mail("later@example.com", &verification("Ada")).await.unwrap();
    world.console.send_mail("ada@example.com", &notice()).await.unwrap();
    assert_eq!(round(&world, &sender).await, Round { delivered: 1, postponed: 1, ..Round::default() });
    assert_eq!(server.mail().await["to"], json!(["ada@example.com"]));
    world.clock.advance(30 * SECOND);
    assert_eq!(round(&world, &sender).await.delivered, 1);
    assert_eq!(server.mail().await["to"], json!(["later@example.com"]));
}

#[tokio::test]
async fn a_refusal_for_good_is_written_down_and_not_repeated() {
    let server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    world.console.send_mail("never@example.com", &verification("Ada")).await.unwrap();
    assert_eq!(round(&world, &sender).await, Round { failed: 1, ..Round::default() });
    let written = row(
        &world,
        "attempts, failed_at, CAST(link IS NULL AS INTEGER), CAST(text_body IS NULL AS INTEGER), last_error",
    )
    .await;
    assert!(written.starts_with("1|1795348800000000|1|1|refused: ") && written.contains("550"), "{written}");
    world.clock.advance(30 * SECOND);
    assert_eq!(round(&world, &sender).await, Round::default());
    assert_eq!(server.stop().await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_link_is_given_up_after_an_hour_and_a_notice_after_a_day() {
    let server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    server.stop().await;
    world.console.send_mail("ada@example.com", &verification("Ada")).await.unwrap();
    assert_eq!(round(&world, &sender).await.postponed, 1);
    world.clock.advance(HOUR - 1);
    assert_eq!(world.console.store.expire_mails(world.console.clock.now()).await.unwrap(), 0);
    world.clock.advance(1);
    assert_eq!(round(&world, &sender).await, Round::default(), "too late to be sent");
    assert_eq!(world.console.store.expire_mails(world.console.clock.now()).await.unwrap(), 1);
    let written = row(&world, "CAST(link IS NULL AS INTEGER), CAST(text_body IS NULL AS INTEGER), CAST(failed_at IS NULL AS INTEGER), last_error").await;
    assert!(written.starts_with("1|1|0|the mail server cannot be used: "), "{written}");
    world.console.send_mail("ada@example.com", &notice()).await.unwrap();
    world.clock.advance(DAY - 1);
    assert_eq!(world.console.store.expire_mails(world.console.clock.now()).await.unwrap(), 0);
    world.clock.advance(1);
    assert_eq!(world.console.store.expire_mails(world.console.clock.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_name_adds_no_header_and_no_recipient() {
    let mut server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    let names = [
        "Ada\r\nBcc: eve@example.com\r\nX-Evil: 1\r\n\r\n<b>body</b>",
        "Ada\" <eve@example.com>, \"Bob",
        "Ada <script>alert(1)</script>",
        "Ада Лавлейс \u{2028}Bcc: eve@example.com",
        "=?utf-8?q?Ada=0D=0ABcc:_eve@example.com?=",
    ];
    for name in names {
        world.console.send_mail("ada@example.com", &verification(name)).await.unwrap();
        assert_eq!(round(&world, &sender).await.delivered, 1, "{name:?}");
        let mail = server.mail().await;
        assert_eq!(mail["to"], json!(["ada@example.com"]), "{name:?}");
        assert_eq!(header(&mail, "to").len(), 1, "{name:?}");
        assert_eq!(header(&mail, "bcc").len() + header(&mail, "x-evil").len(), 0, "{mail}");
        assert_eq!(mail["subject"], "Confirm your e-mail address");
        let html = mail["html"].as_str().unwrap();
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    }
}

#[tokio::test]
async fn an_address_that_no_mail_can_carry_fails_alone() {
    let mut server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    world.console.send_mail("a..b@exa_mple..com", &notice()).await.unwrap();
    world.console.send_mail("ada@example.com", &notice()).await.unwrap();
    assert_eq!(round(&world, &sender).await, Round { delivered: 1, failed: 1, ..Round::default() });
    assert_eq!(server.mail().await["to"], json!(["ada@example.com"]));
}

#[tokio::test]
async fn a_server_that_stops_leaves_the_rest_for_the_next() {
    let mut server = MailServer::start().await;
    let (world, sender) = world(&server.url()).await;
    for name in ["ada", "bob"] {
        world.console.send_mail(&format!("{name}@example.com"), &verification(name)).await.unwrap();
    }
    let asked = std::cell::Cell::new(0);
    let once = || asked.replace(asked.get() + 1) == 0;
    assert_eq!(sender.send_due(&world.console, once).await.unwrap().delivered, 1);
    assert_eq!(server.mail().await["to"], json!(["ada@example.com"]));
    let world = world.restart().await;
    assert_eq!(round(&world, &sender).await.delivered, 1);
    assert_eq!(server.mail().await["to"], json!(["bob@example.com"]));
    assert_eq!(server.stop().await, [] as [Value; 0]);
}

/// A certificate for `localhost` and who vouches for it, as files.
fn certificate(folder: &std::path::Path) -> [String; 3] {
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an issuer");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let leaf = params.signed_by(&key, &authority).expect("a certificate");
    [("ca", authority.pem()), ("cert", leaf.pem()), ("key", key.serialize_pem())].map(|(name, pem)| {
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, pem).expect("a writable folder");
        file.to_str().expect("UTF-8").to_owned()
    })
}

#[tokio::test]
async fn a_wrong_password_is_the_server_s_business_and_the_mail_waits() {
    let server = MailServer::with(&json!({"user": "console", "password": "right"})).await;
    let (world, sender) = world(&format!("smtp://console:wrong@127.0.0.1:{}", server.port)).await;
    world.console.send_mail("ada@example.com", &verification("Ada")).await.unwrap();
    let waits = Round { postponed: 1, interrupted: true, ..Round::default() };
    assert_eq!(round(&world, &sender).await, waits);
    let written =
        row(&world, "CAST(failed_at IS NULL AS INTEGER), CAST(link IS NULL AS INTEGER), last_error").await;
    assert!(
        written.starts_with("1|0|the mail server cannot be used: ") && written.contains("535"),
        "{written}"
    );
    assert!(!written.contains("wrong@"), "{written}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [_, cert, key] = certificate(folder.path());
    let server = MailServer::with(&json!({"tls": "starttls", "key": key, "cert": cert})).await;
    let (world, sender) = world(&format!("smtp://localhost:{}?tls=required", server.port)).await;
    world.console.send_mail("ada@example.com", &verification("Ada")).await.unwrap();
    assert!(round(&world, &sender).await.interrupted);
    assert_eq!(server.stop().await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_server_without_starttls_is_told_nothing() {
    let server = MailServer::start().await;
    let (world, sender) = world(&format!("{}?tls=required", server.url())).await;
    world.console.send_mail("ada@example.com", &verification("Ada")).await.unwrap();
    assert!(round(&world, &sender).await.interrupted);
    assert_eq!(server.stop().await, [] as [Value; 0]);
}

/// The real program sends what an earlier one left behind, by a server that insists on TLS and a password.
async fn sent_by_the_program(tls: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [ca, cert, key] = certificate(folder.path());
    let options = json!({"tls": tls, "key": key, "cert": cert, "user": "console", "password": "p@ss:word"});
    let mut server = MailServer::with(&options).await;
    let scheme = if tls == "tls" { "smtps" } else { "smtp" };
    let url = format!("{scheme}://console:p%40ss%3Aword@localhost:{}?tls=required", server.port);

    // Written by a process that ended before it was sent; the clock of the real one is later than the tests'.
    let world = World::with(|config| configured(config, &url)).await;
    let now = server::clock::Clock::now(&server::clock::SystemClock);
    world.clock.set(now);
    world.console.send_mail("ada@example.com", &verification("Ada")).await.unwrap();
    let site = Site::at(world.close().await);

    let serving = site.serve_with(&[("SMTP_URL", &url), ("SSL_CERT_FILE", &ca)]).await;
    let mail = server.mail().await;
    assert_eq!((&mail["secure"], &mail["user"]), (&json!(true), &json!("console")));
    assert!(mail["text"].as_str().unwrap().contains(LINK));
    assert_eq!(serving.terminate().await, Some(0));
    let left = site.json(&["outbox"]).await;
    assert_eq!(left["mails"], json!([]), "{left}");
    assert_eq!(server.stop().await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_program_sends_by_tls_what_an_earlier_one_left() {
    sent_by_the_program("tls").await;
}

#[tokio::test]
async fn the_program_sends_by_starttls_what_an_earlier_one_left() {
    sent_by_the_program("starttls").await;
}
