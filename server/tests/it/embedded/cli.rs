//! Commands beside a file that one process owns.

use crate::harness::client::Caller;
use crate::harness::process::{Site, ended};
use crate::harness::trace::{calls, csv};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn operator_in_another_folder_is_told_that_there_is_no_console() {
    let site = Site::new().await;
    for words in [
        &["stats"][..],
        &["verify"],
        &["reports"],
        &["outbox"],
        &["service-key", "list"],
        &["grant", "--email", ADA, "--credits", "5", "--kind", "promo", "--reason", "none"],
    ] {
        let refused = site.run(words).await;
        assert!(refused.refusal(1).contains("console.db does not exist"), "{words:?}: {refused:?}");
    }
    assert!(!site.file().exists(), "nothing was made");
}

#[tokio::test]
async fn operator_starts_a_second_server_on_the_same_file_and_it_refuses() {
    let site = Site::new().await;
    let serving = site.serve().await;
    let refused = site.run(&["serve"]).await;
    assert!(refused.refusal(1).contains("another process owns"), "{refused:?}");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut command = site.command(&["serve"]);
    let url = format!("sqlite://{}", site.file().display());
    command.env("CONSOLE_DATA_DIR", elsewhere.path()).env("DATABASE_URL", url);
    let refused = ended(command).await;
    assert!(refused.refusal(1).contains("another process owns"), "{refused:?}");
    Caller::new(&serving.url, None).get("/readyz").await.ok();
    assert_eq!(serving.terminate().await, Some(0));
    let serving = site.serve().await;
    assert_eq!(serving.terminate().await, Some(0), "the file is free again");
}

#[tokio::test]
async fn operator_replays_where_no_server_runs() {
    let site = Site::new().await;
    std::fs::write(site.path().join("trace.csv"), csv(&calls(5))).expect("a file");
    site.user("ada").await;
    let refused = site.run(&["replay", "trace.csv", "--email", ADA, "--source", "trace"]).await;
    assert!(refused.refusal(1).contains("plexe-console serve"), "{refused:?}");
}
