//! What a page is made of is read once and sent once, however deep its parts are nested.

use super::harness::World;

#[tokio::test]
async fn member_opens_pages_that_carry_their_data_once() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let visitor = world.visitor(&ada, "token").await;
    for path in ["/", "/usage", "/credits", "/settings/account", "/settings/api-keys", "/receipts/nothing"] {
        let page = visitor.open(path).await.text;
        // The frame's, and that of the page inside.
        assert_eq!(page.matches("__RESOLVED_RESOURCES[").count(), 2, "{path}");
    }
}
