//! `/`: how many credits are there, how fast do they go, and what took them last.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::api::overview::overview;
use crate::backend::overview::{OverviewView, Range};
use crate::charts::Plot;
use crate::components::activity::LatestActivity;
use crate::components::cards::Cards;
use crate::components::chart::Consumption;
use crate::components::dynamic::dynamic;
use crate::components::first_steps::FirstSteps;
use crate::components::loading::loading;
use crate::components::standing::StandingLine;
use crate::live::feed::Feed;

#[component]
pub fn OverviewPage() -> impl IntoView {
    let query = use_query_map();
    let range = Memo::new(move |_| {
        query.with(|query| query.get("range")).and_then(|range| range.parse().ok()).unwrap_or_default()
    });
    // Read once; from then on the feed keeps it true, and asks again when it can't.
    let answer = Resource::new_blocking(|| (), move |()| overview(range.get_untracked()));
    view! {
        <Title text="Overview · Plexe Console" />
        <h1 class="hidden">"Overview"</h1>
        {loading(answer, || Waiting().into_any(), move |view| view! { <Loaded view range /> }.into_any())}
    }
}

/// As large as what will stand here.
#[component]
fn Waiting() -> impl IntoView {
    view! {
        <div class="waiting" role="status">
            <span class="hidden">"Loading"</span>
            <div class="banner standing"></div>
            <div class="cards">
                <div class="card hero"></div>
                <div class="card"></div>
                <div class="card"></div>
                <div class="card"></div>
            </div>
            <div class="card chart"></div>
        </div>
    }
}

#[component]
fn Loaded(view: OverviewView, range: Memo<Range>) -> impl IntoView {
    let feed = RwSignal::new(Feed::new(view));
    #[cfg(feature = "hydrate")]
    crate::live::page::follow(feed, range, overview);
    let plot = Memo::new(move |_| feed.with(|feed| Plot::of(&feed.view().chart, &feed.view().labels)));
    let busy = Signal::derive(move || feed.with(|feed| feed.view().range != range.get()));
    let untouched = Memo::new(move |_| feed.with(|feed| feed.view().latest.is_empty()));
    // They stay when the first event has come, until the next visit: nothing jumps.
    let first_steps = untouched
        .get_untracked()
        .then(|| feed.with_untracked(|feed| view! { <FirstSteps view=feed.view() untouched /> }));
    view! {
        <StandingLine feed />
        <Cards feed />
        {first_steps}
        <Consumption plot busy>
            <Ranges range />
        </Consumption>
        {dynamic(move || (!untouched.get()).then(|| view! { <LatestActivity feed /> }))}
    }
}

/// Links, so that the choice is in the address and works without scripts.
#[component]
fn Ranges(range: Memo<Range>) -> impl IntoView {
    let link = move |one: Range| {
        let name = match one {
            Range::Day => "24 h",
            Range::Week => "7 d",
            Range::Month => "30 d",
        };
        let current = move || (range.get() == one).then_some("true");
        view! {
            <a href=format!("/?range={one}") aria-current=current data-noscroll="">
                {name}
            </a>
        }
    };
    view! {
        <nav class="seg" aria-label="Range">
            {Range::ALL.map(link).collect_view()}
        </nav>
    }
}
