//! What becomes of somebody's account: where they are signed in, what was done to it, their e-mail, their data, its end.

mod access_log;
mod deletion;
mod email;
mod export;
mod sessions;

use crate::harness::browser::Browser;
use crate::harness::forms::PASSWORD;
use crate::harness::{Member, World};

const EMAIL: &str = "ada@example.com";
const SECURITY: &str = "/settings/security";
const LOG: &str = "/settings/security/log";

/// A console, and somebody with a password who is signed in.
async fn member() -> (World, Browser) {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let browser = signed_in(&world).await;
    (world, browser)
}

async fn signed_in(world: &World) -> Browser {
    let mut browser = world.browser();
    assert_eq!(browser.sign_in(EMAIL, PASSWORD).await.status, 303);
    browser
}

/// The same user, for what tests do with members.
async fn as_member(world: &World) -> Member {
    let row = world.console.get_user_by_email(EMAIL).await.expect("the user");
    Member { user_id: row.id, account: row.account_id, account_no: row.account_no, row }
}

/// What the log says, the newest first.
async fn logged(browser: &mut Browser) -> Vec<String> {
    rows(&browser.follow(LOG).await.text)
}

/// What stands in bold in its rows.
fn rows(page: &str) -> Vec<String> {
    let list = page.split("access-log").nth(1).unwrap_or_default();
    let list = list.split("</ul>").next().unwrap_or_default();
    let bold = list.split("<b").skip(1).filter_map(|rest| rest.split_once('>'));
    bold.filter_map(|(_, rest)| rest.split("</b>").next()).map(|text| text.replace("<!>", "")).collect()
}
