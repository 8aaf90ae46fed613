//! The second step of signing in: `/second-step`, `/confirm` by a code, and `/settings/security/second-step`.

mod keeping;
mod setting_up;
mod signing_in;

use data_encoding::BASE32_NOPAD;
use ledger::Timestamp;
use ledger::time::SECOND;
use ring::hmac;
use server::clock::Clock as _;

use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::client::Answer;
use crate::harness::forms::PASSWORD;
use crate::harness::raw::Raw;

const SET_UP: &str = "/settings/security/second-step";
const STEP: &str = "/second-step";
const EMAIL: &str = "ada@example.com";

/// An authenticator app, as the RFC describes one.
pub struct App(Vec<u8>);

impl App {
    /// What somebody types in who reads this page.
    fn of(page: &str) -> Self {
        let spelled = page.split("class=\"spelled\">").nth(1).and_then(|rest| rest.split('<').next());
        let spelled = spelled.expect("a spelled secret").replace(' ', "");
        Self(BASE32_NOPAD.decode(spelled.as_bytes()).expect("base32"))
    }

    fn at(&self, now: Timestamp) -> String {
        let step = now.micros() / (30 * SECOND);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().expect("four bytes"));
        format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
    }

    /// The code that it shows now.
    fn code(&self, world: &World) -> String {
        self.at(world.clock.now())
    }

    /// As many digits, and none of those that are right now.
    fn wrong(&self, world: &World) -> String {
        let right = [-30, 0, 30].map(|off| self.at(world.clock.now().saturating_add(off * SECOND)));
        let mut guesses = (0..10).map(|n| format!("{n:06}"));
        guesses.find(|guess| !right.contains(guess)).expect("more guesses than right codes")
    }
}

/// Recovery codes as a page shows them.
fn recovery_codes(page: &str) -> Vec<String> {
    let list = page.split("class=\"recovery-codes\"").nth(1).and_then(|rest| rest.split("</ul>").next());
    let list = list.expect("a list of recovery codes");
    list.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect()
}

/// Turns the second step on in this browser; the app and its recovery codes. Its next code is of a later step.
pub async fn turn_on(world: &World, browser: &mut Browser) -> (App, Vec<String>) {
    let page = browser.follow(SET_UP).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let app = App::of(&page.text);
    let on = browser.submit(SET_UP, &[("code", &app.code(world))]).await;
    assert_eq!(on.status, 200, "{}", on.text);
    let codes = recovery_codes(&on.text);
    world.clock.advance(30 * SECOND);
    (app, codes)
}

/// Ada, who has an app, and the browser in which she is signed in.
async fn protected(world: &World) -> (Browser, App, Vec<String>) {
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    let (app, codes) = turn_on(world, &mut browser).await;
    (browser, app, codes)
}

/// A browser in which Ada has typed her password.
async fn halfway(world: &World) -> Browser {
    let mut browser = world.browser();
    let asked = browser.sign_in(EMAIL, PASSWORD).await;
    assert_eq!((asked.status, asked.header("location")), (303, STEP), "{}", asked.text);
    browser
}

async fn answer(browser: &mut Browser, code: &str) -> Answer {
    browser.submit(STEP, &[("code", code)]).await
}

async fn texts(world: &World, sql: &str) -> Vec<String> {
    Raw::open(&world.database()).await.texts(sql).await
}
