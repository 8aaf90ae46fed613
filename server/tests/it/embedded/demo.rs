//! The sample account wants the file for itself.

use crate::harness::process::Site;

#[tokio::test]
async fn operator_makes_no_sample_while_a_server_owns_the_file() {
    let site = Site::new().await;
    let serving = site.serve().await;
    let refused = site.run(&["demo", "--days", "3"]).await;
    assert!(refused.refusal(1).starts_with("error: a server runs on this data directory; stop it first"));
    assert_eq!(serving.terminate().await, Some(0));
    site.json(&["demo", "--days", "3"]).await;
}
