//! `/settings/account`: who one is here, and what of it can be changed.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{head, waiting};
use crate::api::account::{account, change_account};
use crate::backend::account::AccountView;
use crate::components::copy::CopyLine;
use crate::components::form::{
    Field, FormError, Labelled, Said, Sending, Submit, described_by, invalid, put,
};
use crate::components::frame::Me;
use crate::components::loading::loading;

#[component]
pub fn AccountPage() -> impl IntoView {
    // What the server makes by itself and has no page of its own (`leaving`).
    #[cfg(feature = "ssr")]
    if use_context::<crate::ssr::Content>().is_some() {
        return view! { {head("Account")} {crate::components::served::served_content()} }.into_any();
    }
    let answer = Resource::new_blocking(|| (), |()| account());
    view! {
        {head("Account")}
        {loading(answer, waiting, loaded)}
    }
    .into_any()
}

fn loaded(view: AccountView) -> AnyView {
    let profile = profile(&view);
    view! {
        <div class="settings">
            {profile}
            {facts(view)}
        </div>
    }
    .into_any()
}

/// What can be changed.
fn profile(view: &AccountView) -> impl IntoView + use<> {
    let AccountView { viewer, form, time_zones, .. } = view;
    let sending = Sending::new(form.errors.clone());
    let is_saved = use_query_map().with_untracked(|query| query.get("saved").is_some());
    let said = RwSignal::new(if is_saved { SAVED.to_owned() } else { String::new() });
    let me = expect_context::<Me>();
    let zones = options(time_zones, &form.value("time_zone", &viewer.time_zone));
    view! {
        <section class="card" aria-labelledby="profile-title">
            <header>
                <h2 id="profile-title">"Profile"</h2>
            </header>
            <form
                class="form"
                method="post"
                action="/settings/account"
                on:submit=move |event| save(&event, sending, said, me)
            >
                <FormError error=sending.error("") />
                <Field
                    name="name"
                    label="Name"
                    value=form.value("name", &viewer.name)
                    error=sending.error("name")
                    autocomplete="name"
                    required=true
                />
                <Field
                    name="user_name"
                    label="Username"
                    hint="Letters (a–z), digits, dots, hyphens and underscores. Nobody else can have the same."
                    value=form.value("user_name", &viewer.user_name)
                    error=sending.error("user_name")
                    autocomplete="username"
                    required=true
                />
                <Labelled
                    name="time_zone"
                    label="Time zone"
                    hint="Days in your charts begin at midnight there, those of the past too."
                    error=sending.error("time_zone")
                >
                    <select
                        id="time_zone"
                        name="time_zone"
                        aria-invalid=invalid(sending.error("time_zone"))
                        aria-describedby=described_by("time_zone")
                        inner_html=zones
                    ></select>
                </Labelled>
                <div class="sends">
                    <Submit label="Save changes" busy=sending.busy />
                    <Said said />
                </div>
            </form>
        </section>
    }
}

const SAVED: &str = "Your changes are saved.";

fn save(event: &SubmitEvent, sending: Sending, said: RwSignal<String>, Me(me): Me) {
    said.set(String::new());
    sending.send(event, move |field| {
        let call = change_account(field("name"), field("user_name"), field("time_zone"));
        Box::pin(async move {
            let viewer = call.await?.viewer;
            // As stored: trimmed, and the username in lower case.
            put("name", &viewer.name);
            put("user_name", &viewer.user_name);
            me.set(Some(viewer));
            said.try_set(SAVED.to_owned());
            Ok(())
        })
    });
}

/// The zones as a choice, by region. Written as text: six hundred elements would each be hydrated.
fn options(zones: &[String], chosen: &str) -> String {
    let is_plain = |zone: &&String| {
        zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+'))
    };
    let mut html = String::new();
    let mut open = "";
    // Those of no region go first.
    let (places, others): (Vec<_>, Vec<_>) =
        zones.iter().filter(is_plain).partition(|zone| zone.contains('/'));
    for zone in others.into_iter().chain(places) {
        let (region, place) = zone.split_once('/').unwrap_or(("", zone));
        if region != open {
            html.push_str(if open.is_empty() { "" } else { "</optgroup>" });
            html.extend(["<optgroup label=\"", region, "\">"]);
            open = region;
        }
        let selected = if zone == chosen { " selected" } else { "" };
        html.extend(["<option value=\"", zone, "\"", selected, ">", &place.replace('_', " "), "</option>"]);
    }
    html.push_str(if open.is_empty() { "" } else { "</optgroup>" });
    html
}

/// What can't be changed here.
fn facts(view: AccountView) -> impl IntoView {
    let AccountView { viewer, is_verified, is_active, since, .. } = view;
    let mark = |is_good: bool, good, bad| {
        let (class, word) = if is_good { ("mark-word ok", good) } else { ("mark-word warn", bad) };
        view! { <span class=class>{word}</span> }
    };
    view! {
        <section class="card facts" aria-labelledby="facts-title">
            <header>
                <h2 id="facts-title">"Identity"</h2>
            </header>
            <dl>
                <dt>"E-mail"</dt>
                <dd>
                    <span class="long">{viewer.email}</span>
                    " "
                    {mark(is_verified, "Verified", "Not verified")}
                </dd>
                <dt>"Account status"</dt>
                <dd>
                    {mark(is_active, "Active", "Suspended")}
                    {(!is_active)
                        .then(|| {
                            view! {
                                <p class="sub">
                                    "Nothing can be spent or changed. Ask whoever runs this console."
                                </p>
                            }
                        })}
                </dd>
                <dt>"User ID"</dt>
                <dd>
                    <CopyLine label="the user ID" text=viewer.user_id.to_string() />
                </dd>
                <dt>"Account ID"</dt>
                <dd>
                    <CopyLine label="the account ID" text=viewer.account_id.to_string() />
                </dd>
                <dt>"Here since"</dt>
                <dd>{since}</dd>
                <dt>"Your data"</dt>
                <dd>
                    <a href="/settings/account/data" rel="external">
                        "Export or delete"
                    </a>
                </dd>
            </dl>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_grouped_by_region_and_the_own_one_is_chosen() {
        let zones = ["Africa/Cairo", "America/Argentina/Buenos_Aires", "America/New_York", "UTC"];
        let zones = zones.map(str::to_owned);
        assert_eq!(
            options(&zones, "America/New_York"),
            "<option value=\"UTC\">UTC</option>\
             <optgroup label=\"Africa\"><option value=\"Africa/Cairo\">Cairo</option></optgroup>\
             <optgroup label=\"America\"><option value=\"America/Argentina/Buenos_Aires\">Argentina/Buenos Aires</option>\
             <option value=\"America/New_York\" selected>New York</option></optgroup>"
        );
        assert_eq!(options(&[], "UTC"), "");
    }

    #[test]
    fn what_is_no_zone_name_never_becomes_markup() {
        assert_eq!(options(&["A/<script>".to_owned(), "\"x".to_owned()], "A/<script>"), "");
    }
}
