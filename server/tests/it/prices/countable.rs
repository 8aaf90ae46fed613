//! The largest charges: what can't be counted is refused.

use super::{PLENTY, price, world_with};
use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, event};

#[tokio::test]
async fn service_cannot_charge_more_than_can_be_counted() {
    let dear = r#"{"flat": {"credits_per_unit": 9.1}}"#;
    let package = r#"{"package": {"size": 0.001, "credits_per_package": 1}}"#;
    let world = world_with(vec![price("dear", dear), price("package", package)]).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    for operation in ["dear", "package"] {
        let refused = service.caller.post(EVENTS, &event("a", &ada, operation, "1000000000")).await;
        assert_error(&refused, 422, "validation_failed", "quantity");
    }
    assert_eq!(world.balance(&ada).await.to_string(), PLENTY);
}
