//! How the account stands, in one line above everything: when are the credits gone, and is anything in the way?
//!
//! The line is always there, calm or alarming, and always takes the same room, so that a warning that comes or goes
//! while somebody reads moves nothing else.

use leptos::prelude::*;

use super::dynamic::text;
use crate::live::Live;
use crate::live::feed::Feed;

pub mod words;

use words::{Standing, standing};

#[component]
pub fn StandingLine(feed: RwSignal<Feed>) -> impl IntoView {
    let now = of(feed);
    view! {
        <section class=text(move || now.with(|now| now.tone.class().to_owned())) role="status">
            <p>
                <b>{text(move || now.with(|now| now.strong.clone()))}</b>
                {text(move || now.with(|now| now.rest.clone()))}
            </p>
        </section>
    }
}

/// What the line says, for as long as it says the same.
pub fn of(feed: RwSignal<Feed>) -> Memo<Standing> {
    let suspended = expect_context::<Live>().suspended;
    Memo::new(move |_| {
        let suspended = suspended.get();
        feed.with(|feed| {
            let view = feed.view();
            standing(view, suspended, &|at_ms| day(at_ms, &view.chart.time_zone))
        })
    })
}

/// A day that the server has not named; only a browser that has heard of something since needs it.
#[cfg(feature = "hydrate")]
fn day(at_ms: i64, zone: &str) -> String {
    crate::live::clock::day(at_ms, zone)
}

#[cfg(not(feature = "hydrate"))]
fn day(_at_ms: i64, _zone: &str) -> String {
    String::new()
}
