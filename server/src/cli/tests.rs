//! A server and its commands, on a store in a temporary folder.

use std::path::Path;
use std::time::Duration;

use ledger::Credits;
use tempfile::TempDir;

use super::args::ReplayArgs;
use super::command::{CreateApiKey, CreateGrant, CreateUser, Secret};
use super::replay::{Report, Speed, replay};
use super::*;
use crate::store::DatabaseUrl;

const EMAIL: &str = "ada@example.org";

fn config(folder: &Path) -> Config {
    Config {
        database_url: DatabaseUrl::Sqlite(folder.join("console.db")),
        data_dir: folder.to_owned(),
        addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    }
}

fn user() -> AdminCommand {
    AdminCommand::CreateUser(CreateUser {
        email: EMAIL.to_owned(),
        name: "Ada Lovelace".to_owned(),
        user_name: "ada".to_owned(),
        password: Secret("correct horse battery".to_owned()),
        verified: true,
        operator: false,
    })
}

fn grant(credits: u32) -> AdminCommand {
    AdminCommand::Grant(CreateGrant {
        email: EMAIL.to_owned(),
        credits: Credits::whole(credits),
        kind: "promo".to_owned(),
        reason: "a test".to_owned(),
        effective_at: None,
        expires_at: None,
        priority: None,
    })
}

fn api_key() -> AdminCommand {
    let (email, name) = (EMAIL.to_owned(), "test".to_owned());
    AdminCommand::CreateApiKey(CreateApiKey { email, name, permission: "read_only".to_owned() })
}

/// The server's own configuration, with the port it listens on.
async fn serve(folder: &TempDir) -> (Server, Config) {
    let server = Server::start(config(folder.path())).await.unwrap();
    let config = server.console.config.as_ref().clone();
    (server, config)
}

async fn key(config: &Config) -> String {
    match perform(config, api_key()).await.unwrap() {
        AdminAnswer::KeyCreated(new) => new.key,
        _ => panic!("no key"),
    }
}

async fn credits(config: &Config, key: &str) -> String {
    let url = format!("http://{}/auth/user", config.addr);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = client.get(url).bearer_auth(key).send().await.unwrap().text().await.unwrap();
    let profile: serde_json::Value = serde_json::from_str(&body).unwrap();
    profile["credits"].to_string()
}

fn granted(answer: AdminAnswer) -> super::command::GrantView {
    match answer {
        AdminAnswer::Granted(grant) => grant,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_while_serving_is_seen_by_the_next_request() {
    let folder = TempDir::new().unwrap();
    let (server, config) = serve(&folder).await;
    perform(&config, user()).await.unwrap();
    let key = key(&config).await;
    assert_eq!(credits(&config, &key).await, "100");
    let promo = granted(perform(&config, grant(5)).await.unwrap());
    assert_eq!((promo.balance, promo.kind.as_str()), (Credits::whole(105), "promo"));
    assert_eq!(credits(&config, &key).await, "105");
    let void = AdminCommand::VoidGrant { grant_id: promo.grant_id, reason: "a mistake".to_owned() };
    perform(&config, void.clone()).await.unwrap();
    assert_eq!(credits(&config, &key).await, "100");
    let again = perform(&config, void).await.err().unwrap().to_string();
    assert_eq!(again, "grant_id is unknown, or nothing is left of it");
    let verdict = perform(&config, AdminCommand::Verify { account_id: None }).await.unwrap();
    assert!(verdict.is_good(), "{verdict}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_server_opens_the_store_and_leaves_it_to_the_next() {
    let folder = TempDir::new().unwrap();
    let alone = config(folder.path());
    perform(&alone, user()).await.unwrap();
    assert_eq!(granted(perform(&alone, grant(7)).await.unwrap()).balance, Credits::whole(107));
    let (server, config) = serve(&folder).await;
    let key = key(&config).await;
    assert_eq!(credits(&config, &key).await, "107");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_one_owner() {
    let folder = TempDir::new().unwrap();
    let (server, _) = serve(&folder).await;
    let second = Server::start(config(folder.path())).await.err().unwrap();
    assert!(second.to_string().starts_with("another process owns "), "{second}");
    // A command that looks for the socket elsewhere waits a little, then says the same.
    let elsewhere = Config { data_dir: folder.path().join("other"), ..config(folder.path()) };
    let refused = perform(&elsewhere, AdminCommand::Stats).await.err().unwrap();
    assert!(refused.to_string().contains("use the same data directory"), "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_for_a_server_that_ends() {
    let folder = TempDir::new().unwrap();
    let (server, config) = serve(&folder).await;
    let ((), stats) = tokio::join!(server.stop(), perform(&config, AdminCommand::Stats));
    assert!(stats.is_ok(), "{:?}", stats.err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_another_database_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let (server, config) = serve(&folder).await;
    let database_url = DatabaseUrl::Sqlite(folder.path().join("other.db"));
    let other = Config { database_url, addr: SocketAddr::from(([127, 0, 0, 1], 0)), ..config.clone() };
    let refused = perform(&other, user()).await.err().unwrap().to_string();
    assert!(refused.starts_with("the server behind ") && refused.contains("other.db"), "{refused}");
    let taken = Server::start(other).await.err().unwrap().to_string();
    assert!(taken.starts_with("a server with another database listens on "), "{taken}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_server_left_behind_is_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let socket = config(folder.path()).socket();
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let (server, config) = serve(&folder).await;
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(perform(&config, AdminCommand::Stats).await.is_ok());
    server.stop().await;
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_does_not_hold_up_the_end() {
    let folder = TempDir::new().unwrap();
    let (server, config) = serve(&folder).await;
    perform(&config, user()).await.unwrap();
    let key = key(&config).await;
    let url = format!("http://{}/usage/stream", config.addr);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let stream = client.get(url).bearer_auth(key).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    drop(stream);
}

fn trace(folder: &TempDir) -> ReplayArgs {
    let file = folder.path().join("trace.csv");
    let rows = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
                2023-11-16 18:17:03.9799600,4808,10\n\
                2023-11-16 18:17:04.0319600,3180,8\n\
                2023-11-16 18:17:05.0000000,1000000,0\n";
    std::fs::write(&file, rows).unwrap();
    let (email, source) = (EMAIL.to_owned(), "trace".to_owned());
    ReplayArgs { file, email, source, key: None, start: None, speed: Speed::Max, batch: 3, url: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_charges_each_row_once_and_leaves_no_key() {
    let folder = TempDir::new().unwrap();
    let (server, config) = serve(&folder).await;
    perform(&config, user()).await.unwrap();
    let args = trace(&folder);
    let counts = |report: &Report| (report.sent, report.accepted, report.replayed, report.rejected);
    let first = replay(&config, &args).await.unwrap();
    assert_eq!(counts(&first), (3, 2, 0, 1), "{first}");
    assert_eq!(first.credits.to_string(), "0.8006");
    assert_eq!(first.rejections["insufficient_credits"], 1);
    perform(&config, grant(1)).await.unwrap();
    let second = replay(&config, &args).await.unwrap();
    assert_eq!(counts(&second), (3, 1, 2, 0), "{second}");
    assert_eq!((second.credits, second.replayed_credits), (Credits::whole(100), first.credits));
    let keys = perform(&config, AdminCommand::ListServiceKeys).await.unwrap().to_string();
    assert_eq!(keys.lines().filter(|line| line.contains("revoked")).count(), 2, "{keys}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_needs_a_server() {
    let folder = TempDir::new().unwrap();
    let refused = replay(&config(folder.path()), &trace(&folder)).await.err().unwrap();
    assert!(refused.to_string().starts_with("no server runs for this data directory"), "{refused}");
    assert!(!folder.path().join("console.db").exists());
}

#[test]
fn mistakes_of_words_fit_on_a_line() {
    for words in [vec!["plexe-console", "user", "create"], vec!["plexe-console", "stats", "--fast"]] {
        let error = Cli::try_parse_from(words).unwrap_err();
        let line = one_line(&error.to_string());
        assert!(line.starts_with("error: ") && !line.contains('\n'), "{line}");
    }
}
