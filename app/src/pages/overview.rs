//! `/`: how many credits are there, how fast do they go, and what took them last.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::api::overview::overview;
use crate::backend::overview::{OverviewView, Range};
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
    live::follow(feed, range);
    let untouched = Memo::new(move |_| feed.with(|feed| feed.view().latest.is_empty()));
    view! {
        <StandingLine feed />
        <Cards feed />
        <Consumption feed range />
        {dynamic(move || {
            if untouched.get() {
                feed.with_untracked(|feed| view! { <FirstSteps view=feed.view() /> }).into_any()
            } else {
                view! { <LatestActivity feed /> }.into_any()
            }
        })}
    }
}

#[cfg(feature = "hydrate")]
mod live {
    use std::time::Duration;

    use leptos::prelude::*;
    use leptos::task::spawn_local;

    use crate::api::overview::overview;
    use crate::backend::ConsoleError;
    use crate::backend::overview::Range;
    use crate::live::feed::{At, Feed, Outcome};
    use crate::live::{Live, clock};

    /// Feeds arrivals and changes of range to the page for as long as it is open.
    pub fn follow(feed: RwSignal<Feed>, range: Memo<Range>) {
        let arrivals = expect_context::<Live>().arrivals;
        Effect::new(move || {
            let outcome = arrivals.with(|arrivals| apply(feed, |feed, at| feed.apply(arrivals, at)));
            if outcome == Outcome::Refetch {
                refetch(feed, range, 0);
            }
        });
        Effect::new(move || {
            let wanted = range.get();
            if feed.with_untracked(|feed| feed.view().chart.range != wanted || feed.is_waiting()) {
                feed.update(Feed::expect_replacement);
                refetch(feed, range, 0);
            }
        });
        turn_with_the_clock(feed, range);
    }

    /// A new hour or day begins even when nothing is spent. This clock may be wrong by any amount, so it only measures how
    /// long ago the server said what time it was; and each turn is asked for once.
    fn turn_with_the_clock(feed: RwSignal<Feed>, range: Memo<Range>) {
        let asked = StoredValue::new(0);
        let ahead_ms = clock::now_ms() - feed.with_untracked(|feed| feed.view().runway.now_ms);
        let look = move || {
            let until_ms = feed.with_untracked(|feed| feed.view().chart.until_ms);
            if until_ms != asked.get_value() && clock::now_ms() - ahead_ms > until_ms {
                asked.set_value(until_ms);
                feed.update(Feed::expect_replacement);
                refetch(feed, range, 0);
            }
        };
        if let Ok(timer) = set_interval_with_handle(look, Duration::from_secs(15)) {
            on_cleanup(move || timer.clear());
        }
    }

    fn apply(
        feed: RwSignal<Feed>,
        change: impl FnOnce(&mut Feed, &dyn Fn(&str) -> At) -> Outcome,
    ) -> Outcome {
        let zone = feed.with_untracked(|feed| feed.view().chart.time_zone.clone());
        let at = |instant: &str| clock::at(instant, &zone);
        feed.try_update(|feed| change(feed, &at)).unwrap_or(Outcome::Done)
    }

    /// Reads the overview again, with growing pauses while the server can't be reached.
    fn refetch(feed: RwSignal<Feed>, range: Memo<Range>, attempt: u32) {
        spawn_local(async move {
            let Some(wanted) = range.try_get_untracked() else { return };
            match overview(wanted).await {
                // Another range was chosen while this one was on its way; its own request follows.
                Ok(view) if range.try_get_untracked() != Some(view.chart.range) => {}
                Ok(view) => {
                    if apply(feed, |feed, at| feed.replace(view, at)) == Outcome::Refetch {
                        refetch(feed, range, 0);
                    }
                }
                Err(ConsoleError::Unauthorized) => crate::live::connection::leave(),
                Err(_) => {
                    let pause = Duration::from_secs(1 << attempt.min(5));
                    set_timeout(move || refetch(feed, range, attempt + 1), pause);
                }
            }
        });
    }
}
