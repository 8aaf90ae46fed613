//! `/usage`: the page as it is without scripts.

use serde_json::json;
use server::store::Permission;

use crate::harness::World;
use crate::harness::client::Answer;
use crate::harness::events::{EVENTS, event, prediction, with, without};
use crate::rollup_windows::declaring;

/// The text of the first element that starts with `start`, up to the next tag.
#[track_caller]
fn text_after<'a>(page: &'a Answer, start: &str) -> &'a str {
    let (_, rest) = page.text.split_once(start).unwrap_or_else(|| panic!("no {start:?} in {}", page.text));
    let (_, rest) = rest.split_once('>').expect("a whole tag");
    rest.split('<').next().unwrap_or_default()
}

/// The sentence above the chart.
#[track_caller]
pub fn title(page: &Answer) -> &str {
    text_after(page, "id=\"consumption-title\"")
}

fn count(page: &Answer) -> &str {
    text_after(page, "id=\"events-title\"")
}

#[tokio::test]
async fn member_sees_where_the_credits_went_by_operation_in_the_last_seven_days() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let browser = world.visitor(&ada, "ada").await;
    let service = world.service().await.caller;
    let old = with(&prediction("old", &ada), "occurred_at", json!("2026-11-10T10:00:00Z"));
    let items = json!([event("a", &ada, "model.build", "1"), prediction("b", &ada), old]);
    assert_eq!(service.post(EVENTS, &items).await.ok()["accepted"], 3);
    let page = browser.open("/usage").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(title(&page), "You spent 50.1 credits in the last 7 days, most of it on model builds");
    assert_eq!(count(&page), "2 events");
    assert!(page.text.contains("Credits per day, UTC"));
    assert_eq!(title(&browser.open("/usage?range=30d&group_by=none").await), {
        "You spent 50.2 credits in the last 30 days; the highest day was Sunday, 22 November 2026"
    });
    let all = browser.open("/usage?range=12m").await;
    assert_eq!(count(&all), "3 events");
    for id in ["1", "2", "3"] {
        let receipt = format!("/receipts/evt_{}", &ada.account.to_string()["acct_".len()..]);
        assert!(all.text.contains(&receipt), "row {id} leads to its receipt");
    }
}

#[tokio::test]
async fn member_filters_by_operation_and_key_and_the_file_has_the_same_filters() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let browser = world.visitor(&ada, "ada").await;
    let service = world.service().await.caller;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let (id, suffix) = (key.key.id.to_string(), key.key.key_suffix.clone());
    let keyed = with(&without(&prediction("keyed", &ada), "user_id"), "api_key", json!(key.secret.as_str()));
    let items = json!([event("a", &ada, "model.build", "1"), prediction("b", &ada), keyed]);
    assert_eq!(service.post(EVENTS, &items).await.ok()["accepted"], 3);
    let page = browser.open("/usage?operation=model.prediction").await;
    assert!(title(&page).starts_with("You spent 0.2 credits on predictions in the last 7 days"));
    let page = browser.open(&format!("/usage?api_key={id}&group_by=operation")).await;
    assert!(title(&page).contains(&suffix) && title(&page).ends_with(", all of it on predictions"));
    assert_eq!(count(&page), "1 event");
    assert!(page.text.contains(&format!("&amp;api_key={id}")), "the file's address has the filter");
    assert!(page.text.contains(&format!("range=24h&amp;api_key={id}")), "and so have the ranges");
    let page = browser.open("/usage?api_key=none&group_by=api_key").await;
    assert_eq!(count(&page), "2 events");
    let by_key = browser.open("/usage?group_by=api_key").await;
    assert!(title(&by_key).ends_with(", most of it without a key"), "{}", title(&by_key));
    let unknown = browser.open("/usage?operation=no.such&api_key=key_000000000000").await;
    assert_eq!(count(&unknown), "3 events", "a filter that names nothing of ours is left out");
}

#[tokio::test]
async fn member_goes_through_the_list_page_by_page() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let browser = world.visitor(&ada, "ada").await;
    let items: serde_json::Value = (0..60).map(|n| prediction(&n.to_string(), &ada)).collect();
    assert_eq!(world.service().await.caller.post(EVENTS, &items).await.ok()["accepted"], 60);
    let mut path = "/usage?range=24h&operation=model.prediction".to_owned();
    let mut rows = vec![];
    loop {
        let page = browser.open(&path).await;
        assert_eq!(count(&page), "60 events");
        let found: Vec<String> =
            page.text.split("/receipts/").skip(1).map(|rest| rest[..40].to_owned()).collect();
        rows.push(found.len());
        let Some(at) = page.text.find("&amp;before=") else { break };
        let start = page.text[..at].rfind('"').expect("an attribute") + 1;
        path = page.text[start..].split('"').next().expect("its end").replace("&amp;", "&");
        assert!(path.starts_with("/usage?range=24h&operation=model.prediction&before="), "{path}");
    }
    assert_eq!(rows, [25, 25, 10]);
}

#[tokio::test]
async fn member_asks_for_days_that_cannot_be_shown_and_keeps_what_was_typed() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let browser = world.visitor(&ada, "ada").await;
    let page = browser.open("/usage?from=2026-11-20&to=2026-11-01").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("The first day must not be after the last."));
    for typed in ["value=\"2026-11-20\"", "value=\"2026-11-01\""] {
        assert!(page.text.contains(typed), "{typed}");
    }
    let page = browser.open("/usage?from=2026-11-01&to=2026-11-20").await;
    assert_eq!(title(&page), "You spent nothing from 1 November 2026 to 20 November 2026");
    assert!(page.text.contains("Nothing was reported here."));
    let script = browser.open("/usage?from=%3Cscript%3E&to=%22%3E%3Cscript%3E&operation=%3Cscript%3E").await;
    assert_eq!(script.status, 200);
    assert!(!script.text.contains("\"><script>") && !script.text.contains("<script>\""));
}

#[tokio::test]
async fn member_sees_where_the_credits_went_by_a_dimension_that_is_declared() {
    let world = World::with(|config| config.usage_dimensions = declaring(&["model", "team"])).await;
    let ada = world.member_with("ada", "100").await;
    let browser = world.visitor(&ada, "ada").await;
    let long = "<b>".repeat(100);
    let build = |id: &str, dimensions| with(&event(id, &ada, "model.build", "1"), "dimensions", dimensions);
    let items = json!([
        build("a", json!({"model": "churn"})),
        prediction("b", &ada),
        with(&prediction("c", &ada), "dimensions", json!({"model": long})),
    ]);
    assert_eq!(world.service().await.caller.post(EVENTS, &items).await.ok()["accepted"], 3);
    let page = browser.open("/usage").await;
    for option in ["value=\"dim:model\"", "By model", "value=\"dim:team\"", "By team"] {
        assert!(page.text.contains(option), "{option} can be chosen");
    }
    let page = browser.open("/usage?range=30d&group_by=dim:model").await;
    assert_eq!(title(&page), "You spent 50.2 credits in the last 30 days, most of it for churn");
    assert!(page.text.contains("range=7d&amp;group_by=dim:model"), "links keep the group");
    for name in [">churn<", ">without model<"] {
        assert!(page.text.contains(name), "{name} stands beside the chart");
    }
    assert!(
        !page.text.contains("<b><b>") && !page.text.contains(&"&lt;b&gt;".repeat(50)),
        "a long value is cut"
    );
    let page = browser.open("/usage?group_by=dim:team&operation=model.build").await;
    assert_eq!(
        title(&page),
        "You spent 50 credits on model builds in the last 7 days, all of it without team"
    );
    let unknown = browser.open("/usage?group_by=dim:region").await;
    assert!(title(&unknown).ends_with(", most of it on model builds"), "as if nobody had asked");
}

#[tokio::test]
async fn anon_is_led_to_the_form_and_back_to_the_same_filters() {
    let world = World::start().await;
    let request = world.anon().request(http::Method::GET, "/usage?range=30d&group_by=none");
    let page = crate::harness::client::answer(request.header("accept", "text/html")).await;
    assert_eq!(
        (page.status, page.header("location")),
        (303, "/sign-in?next=/usage%3Frange%3D30d%26group_by%3Dnone")
    );
}
