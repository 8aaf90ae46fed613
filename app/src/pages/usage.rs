//! `/usage`: where did the credits go?

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use crate::api::usage::usage;
use crate::backend::usage::{USAGE_PATH, UsageView};
use crate::charts::Plot;
use crate::components::activity::EventRows;
use crate::components::chart::Consumption;
use crate::components::dynamic::{dynamic, text};
use crate::components::filters::filters;
use crate::components::loading::{cards, loading};
use crate::format;
use crate::live::feed::Feed;
use crate::live::{Connection, Live};

#[component]
pub fn UsagePage() -> impl IntoView {
    let location = use_location();
    // Another page's address is none of ours, also while this one is on its way out.
    let search = Memo::new(move |before: Option<&String>| {
        let is_here = location.pathname.with(|path| path == USAGE_PATH);
        if is_here { location.search.get() } else { before.cloned().unwrap_or_default() }
    });
    // Read once; from then on the feed keeps it true, and asks again when it can't.
    let answer = Resource::new_blocking(|| (), move |()| usage(search.get_untracked()));
    view! {
        <Title text="Usage · Plexe Console" />
        <h1 class="hidden">"Usage"</h1>
        {loading(answer, || cards(&["card", "card chart"]), move |view| view! { <Loaded view search /> }.into_any())}
    }
}

#[component]
fn Loaded(view: UsageView, search: Memo<String>) -> impl IntoView {
    let feed = RwSignal::new(Feed::new(view));
    #[cfg(feature = "hydrate")]
    crate::live::page::follow(feed, search, usage);
    let plot = Memo::new(move |_| feed.with(|feed| Plot::of(&feed.view().chart, &feed.view().labels)));
    let busy = Signal::derive(move || feed.with(|feed| feed.view().search != search.get()));
    // Charges move the numbers, not the controls.
    let form = Memo::new(move |_| feed.with(|feed| feed.view().form.clone()));
    view! {
        <section class="card filters" aria-label="What to show">
            {dynamic(move || form.with(filters))}
        </section>
        <Consumption plot busy />
        <Events feed />
    }
}

#[component]
fn Events(feed: RwSignal<Feed<UsageView>>) -> impl IntoView {
    let rows = Signal::derive(move || feed.with(|feed| feed.view().events.clone()));
    let fresh_after = Signal::derive(move || feed.with(Feed::fresh_after));
    let is_empty = Memo::new(move |_| rows.with(Vec::is_empty));
    let csv = text(move || feed.with(|feed| feed.view().csv.clone()));
    view! {
        <section class="card activity" aria-labelledby="events-title">
            <header>
                <h2 id="events-title">{text(move || feed.with(|feed| heading(feed.view().count)))}</h2>
                <Cut />
                <a class="button small" href=csv rel="external" download="usage.csv">
                    "Download CSV"
                </a>
            </header>
            {dynamic(move || {
                if is_empty.get() {
                    view! { <p class="sub empty">"Nothing was reported here. A wider range or fewer filters may show more."</p> }
                        .into_any()
                } else {
                    view! { <EventRows rows fresh_after /> }.into_any()
                }
            })}
            {dynamic(move || feed.with(|feed| pager(feed.view())))}
        </section>
    }
}

fn heading(count: u64) -> String {
    match count {
        0 => "No events".to_owned(),
        1 => "1 event".to_owned(),
        count => format!("{} events", format::count(count)),
    }
}

/// Beside the numbers that may be old.
#[component]
fn Cut() -> impl IntoView {
    let Live { connection, .. } = expect_context::<Live>();
    let said = move || match connection.get() {
        Connection::Reconnecting => "May be old: reconnecting…",
        Connection::Off | Connection::Live => "",
    };
    view! { <span class="sub cut">{text(move || said().to_owned())}</span> }
}

/// Links to the rest of the list.
fn pager(view: &UsageView) -> AnyView {
    let separator = if view.here.contains('?') { '&' } else { '?' };
    let older = view.before.map(|before| format!("{}{separator}before={before}", view.here));
    if view.is_newest && older.is_none() {
        return ().into_any();
    }
    let newest = (!view.is_newest).then(|| view.here.clone());
    let link = |name: &'static str, href: Option<String>| {
        href.map(|href| {
            view! {
                <a class="button small" href=href data-noscroll="">
                    {name}
                </a>
            }
        })
    };
    view! {
        <nav class="pager" aria-label="Pages of events">
            {link("Newest", newest)} {link("Older", older)}
        </nav>
    }
    .into_any()
}
