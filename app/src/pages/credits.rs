//! `/credits`: what does the account own, what burns next and why, and how did it come to that?

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use crate::api::credits::credits;
use crate::backend::credits::{CREDITS_PATH, CreditsView};
use crate::components::books::books;
use crate::components::dynamic::{dynamic, text};
use crate::components::grants::{finding, grants_table, timeline};
use crate::components::holds::{in_flight, owed};
use crate::components::loading::{cards, loading};
use crate::components::verify::verify;
use crate::format;
use crate::live::feed::Feed;

#[component]
pub fn CreditsPage() -> impl IntoView {
    let location = use_location();
    // Another page's address is none of ours, also while this one is on its way out.
    let search = Memo::new(move |before: Option<&String>| {
        let is_here = location.pathname.with(|path| path == CREDITS_PATH);
        if is_here { location.search.get() } else { before.cloned().unwrap_or_default() }
    });
    let answer = Resource::new_blocking(|| (), move |()| credits(search.get_untracked()));
    view! {
        <Title text="Credits · Plexe Console" />
        <h1 class="hidden">"Credits"</h1>
        {loading(answer, || cards(&["card", "card chart"]), move |view| loaded(view, search))}
    }
}

fn loaded(view: CreditsView, search: Memo<String>) -> AnyView {
    let head = (view.head_seq, view.head.clone());
    let feed = RwSignal::new(Feed::new(view));
    #[cfg(feature = "hydrate")]
    crate::live::page::follow(feed, search, credits);
    #[cfg(not(feature = "hydrate"))]
    let _ = search;
    view! {
        {dynamic(move || feed.with(|feed| owed(feed.view().debt)))}
        <section class="card lots" aria-labelledby="lots-title">
            <header>
                <h2 id="lots-title">{text(move || feed.with(|feed| finding(&feed.view().grants)))}</h2>
            </header>
            {dynamic(move || feed.with(|feed| timeline(feed.view())))}
        </section>
        {dynamic(move || feed.with(|feed| in_flight(feed.view())))}
        <section class="card activity" aria-labelledby="grants-title">
            <header>
                <h2 id="grants-title">"What burns next, and why"</h2>
            </header>
            {dynamic(move || feed.with(|feed| grants_table(feed.view())))}
        </section>
        <section class="card activity" aria-labelledby="books-title">
            <header>
                <h2 id="books-title">{text(move || feed.with(|feed| heading(feed.view().seq)))}</h2>
            </header>
            {verify(head)}
            {dynamic(move || feed.with(|feed| books(feed.view(), feed.fresh_after())))}
        </section>
    }
    .into_any()
}

fn heading(entries: u64) -> String {
    match entries {
        0 => "Nothing is in your books yet".to_owned(),
        1 => "Your books: 1 entry".to_owned(),
        entries => format!("Your books: {} entries", format::count(entries)),
    }
}
