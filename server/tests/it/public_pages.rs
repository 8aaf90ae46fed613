//! Pages that anybody may see, and what a browser shows instead of a page that could not be made.

use http::Method;
use serde_json::json;

use crate::harness::client::{Answer, Caller, answer, assert_error};
use crate::harness::raw::Raw;
use crate::harness::{START, World, credits};

async fn page(caller: &Caller, path: &str) -> Answer {
    answer(caller.request(Method::GET, path).header("accept", "text/html")).await
}

/// What is between the first `before` and the next `after`.
#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is nowhere in {text}"));
    rest.split_once(after).map_or(rest, |(found, _)| found)
}

/// The text of a page's first element whose opening tag ends like this.
#[track_caller]
fn total(page: &Answer) -> &str {
    between(&page.text, "data-testid=\"total\">", "<")
}

#[tokio::test]
async fn anon_sees_every_public_page_whole_and_without_wasm() {
    let world = World::start().await;
    let anon = world.anon();
    for (path, title, said) in [
        ("/pricing", "Pricing · Plexe Console", "Rate card, version 1"),
        ("/docs/billing", "How credits work · Plexe Console", "The lowest priority number"),
        ("/sign-in", "Sign in · Plexe Console", "action=\"/sign-in\""),
    ] {
        let page = page(&anon, path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert_eq!(between(&page.text, "<title>", "</title>"), title);
        assert!(page.text.contains(said), "{path} misses {said:?}: {}", page.text);
        assert!(
            page.text.contains("<html lang=\"en\">") && page.text.contains("href=\"/sign-up\""),
            "{path}"
        );
        assert_eq!(page.text.matches("<h1").count(), 1, "{path} has one heading of the first order");
        assert!(!page.text.contains("module.hydrate()"), "{path} starts the wasm");
        assert_eq!(page.header("cache-control"), "no-store");
    }
    for path in ["/pricing", "/docs/billing"] {
        let page = page(&anon, path).await;
        assert!(between(&page.text, "<meta name=\"description\" content=\"", "\"").len() > 40, "{path}");
    }
}

#[tokio::test]
async fn anon_calculates_what_the_api_estimates() {
    let world = World::start().await;
    let anon = world.anon();
    let items = [("model.build", "3"), ("model.inference", "4.818"), ("data.storage", "0.00005")];
    let list: Vec<_> = items
        .iter()
        .map(|(operation, quantity)| json!({"operation": operation, "quantity": quantity}))
        .collect();
    let told = anon.post("/rate-card/estimate", &json!({ "items": list })).await.ok();
    let query: Vec<_> = items.iter().map(|(operation, quantity)| format!("{operation}={quantity}")).collect();
    let calculated = page(&anon, &format!("/pricing?{}", query.join("&"))).await;
    assert_eq!(calculated.status, 200);
    assert_eq!(total(&calculated), told["total"].to_string());
    assert_eq!(total(&page(&anon, "/pricing").await), "0");
}

#[tokio::test]
async fn anon_types_what_is_no_quantity_and_keeps_it() {
    let world = World::start().await;
    let anon = world.anon();
    let script = "%3Cscript%3Ealert(1)%3C/script%3E";
    let odd =
        page(&anon, &format!("/pricing?model.build={script}&model.inference=2&model.biuld=1&{script}=1"))
            .await;
    assert_eq!(odd.status, 200, "{}", odd.text);
    assert!(odd.text.contains("This must be a number such as 12 or 0.25."), "{}", odd.text);
    assert!(odd.text.contains("value=\"&lt;script&gt;alert(1)&lt;/script&gt;\""), "{}", odd.text);
    assert!(odd.text.contains("Not on this rate card: model.biuld"), "{}", odd.text);
    assert!(!odd.text.contains("<script>alert"), "{}", odd.text);
    assert_eq!(total(&odd), "–");
}

#[tokio::test]
async fn anon_reads_the_numbers_in_force() {
    let world = World::with(|config| {
        config.sign_up_credits = credits("12.5");
        config.sign_up_credits_days = 7;
    })
    .await;
    let mut prices = ledger::rate::RateCard::example().prices;
    prices.truncate(2);
    prices[0].pricing = ledger::rate::Pricing::Flat { credits_per_unit: credits("60") };
    let from = START.saturating_add(3_600_000_000);
    world.console.import_rate_card(from, prices).await.unwrap();
    let anon = world.anon();
    let docs = page(&anon, "/docs/billing").await.text;
    assert!(docs.contains("brings 12.5 credits, once. They last 7 days."), "{docs}");
    assert!(
        docs.contains("50 credits per iteration") && docs.contains(world.console.config.base_url.as_str()),
        "{docs}"
    );
    assert!(docs.contains("So 150 credits may be held for 3 iterations of model.build"), "{docs}");
    assert!(docs.contains("15 minutes after it was made") && docs.contains("24 hours at the most"), "{docs}");
    let now = page(&anon, "/pricing").await.text;
    assert!(now.contains("Next: version 2") && now.contains("22 November 2026, 13:00 UTC"), "{now}");
    assert!(now.contains("60 credits per iteration") && now.contains("no longer offered"), "{now}");
    world.clock.set(from);
    let then = page(&anon, "/pricing").await.text;
    assert!(then.contains("Rate card, version 2") && !then.contains("Next: version"), "{then}");
    let docs = page(&anon, "/docs/billing").await.text;
    assert!(
        docs.contains("60 credits per iteration") && !docs.contains("50 credits per iteration"),
        "{docs}"
    );
}

#[tokio::test]
async fn anon_is_promised_nothing_where_signing_up_brings_nothing() {
    let world = World::with(|config| config.sign_up_credits = ledger::Credits::ZERO).await;
    let anon = world.anon();
    assert!(!page(&anon, "/pricing").await.text.contains("e-mail address brings"));
    assert!(!page(&anon, "/docs/billing").await.text.contains("e-mail address brings"));
}

#[tokio::test]
async fn anon_goes_where_there_is_no_page() {
    let world = World::start().await;
    let anon = world.anon();
    let lost = page(&anon, "/no/such/page").await;
    assert_eq!(lost.status, 404);
    assert_eq!(between(&lost.text, "<title>", "</title>"), "Page not found · Plexe Console");
    assert!(
        lost.text.contains("There is no page here") && lost.text.contains("href=\"/pricing\""),
        "{}",
        lost.text
    );
    assert_error(&anon.get("/no/such/page").await, 404, "not_found", "does not exist");
    let wrong = page(&anon, "/sign-out").await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.text.starts_with("<!DOCTYPE html>"), "{}", wrong.text);
    assert_error(&anon.get("/sign-out").await, 405, "method_not_allowed", "method");
}

#[tokio::test]
async fn anon_sees_an_incident_and_no_cause_when_the_prices_cannot_be_read() {
    let world = World::start().await;
    let anon = world.anon();
    let mut raw = Raw::open(&world.database()).await;
    raw.run("UPDATE rate_cards SET prices = 'SELECT secret'").await;
    for path in ["/pricing", "/docs/billing"] {
        let broken = page(&anon, path).await;
        assert_eq!(broken.status, 500, "{path}: {}", broken.text);
        assert!(broken.text.contains("Something went wrong on our side (inc_"), "{}", broken.text);
        assert!(!broken.text.contains("secret") && !broken.text.contains("rate_cards"), "{}", broken.text);
    }
}

#[tokio::test]
async fn anon_sees_an_incident_and_no_cause_when_nobody_can_be_recognised() {
    let world = World::start().await;
    let anon = world.anon();
    let mut raw = Raw::open(&world.database()).await;
    raw.run("ALTER TABLE sessions RENAME TO secret_sessions").await;
    let request = anon.request(Method::GET, "/").header("accept", "text/html");
    let broken = answer(request.header("cookie", format!("plexe_session={}", "a".repeat(40)))).await;
    assert_eq!(broken.status, 500, "{}", broken.text);
    let incident = broken.header("x-request-id");
    assert!(broken.text.starts_with("<!DOCTYPE html>") && broken.text.contains(incident), "{}", broken.text);
    assert!(!broken.text.contains("sessions") && !broken.text.contains("/sign-in"), "{}", broken.text);
    assert!(broken.header("content-security-policy").contains("'nonce-"));
}
