//! The row of figures at the top of the overview.

use leptos::prelude::*;

use crate::backend::overview::{BalanceView, SpendView};
use crate::format;
use crate::live::feed::Feed;

/// Available, today, 7 days, 30 days. They move with the feed.
#[component]
pub fn Cards(feed: RwSignal<Feed>) -> impl IntoView {
    let balance = Memo::new(move |_| feed.with(|feed| feed.view().balance.clone()));
    let today = Memo::new(move |_| feed.with(|feed| feed.view().today.clone()));
    let week = Memo::new(move |_| feed.with(|feed| feed.view().last_7_days.clone()));
    let month = Memo::new(move |_| feed.with(|feed| feed.view().last_30_days.clone()));
    view! {
        <section class="cards" aria-label="Credits">
            <Available balance />
            <Spend name="Today" spend=today days=1 />
            <Spend name="Last 7 days" spend=week days=7 />
            <Spend name="Last 30 days" spend=month days=30 />
        </section>
    }
    .into_any()
}

#[component]
fn Available(balance: Memo<BalanceView>) -> impl IntoView {
    let parts = Memo::new(move |_| balance.with(|balance| format::balance_parts(balance.available)));
    let exact = move || balance.with(|balance| format!("{} credits", format::exact(balance.available)));
    view! {
        <article class="card hero">
            <h2>"Available"</h2>
            <p class="figure" title=exact>
                {move || parts.with(|(whole, _)| whole.clone())}
                <small>{move || parts.with(|(_, cents)| cents.clone())}</small>
            </p>
            <div class="stack" aria-hidden="true">
                {move || balance.with(stack)}
            </div>
            <p class="legend">{move || balance.with(lots)}</p>
        </article>
    }
    .into_any()
}

/// The lots side by side, as long as their share.
fn stack(balance: &BalanceView) -> impl IntoView + use<> {
    let lot =
        |(kind, micros)| view! { <i class=format!("lot-{kind}") style=format!("flex-grow:{micros}")></i> };
    let lots = balance.lots.iter().map(|lot| (lot.kind.clone(), lot.remaining.micros()));
    lots.filter(|(_, micros)| *micros > 0).map(lot).collect_view()
}

fn lots(balance: &BalanceView) -> impl IntoView + use<> {
    let part = |class: String, name: &str, credits| {
        view! {
            <span title=format!("{} credits", format::exact(credits))>
                <i class=class></i>
                {name.to_owned()}
                " "
                {format::brief(credits)}
            </span>
        }
    };
    let lots = balance.lots.iter().filter(|lot| !lot.remaining.is_zero());
    let mut parts: Vec<_> = lots
        .map(|lot| part(format!("lot-{}", lot.kind), format::grant_kind(&lot.kind), lot.remaining))
        .collect();
    if !balance.held.is_zero() {
        parts.push(part("lot-held".to_owned(), "In flight", balance.held));
    }
    if !balance.debt.is_zero() {
        parts.push(part("lot-debt".to_owned(), "Owed", balance.debt));
    }
    if parts.is_empty() {
        return view! { <span>"No credits left"</span> }.into_any();
    }
    parts.into_any()
}

#[component]
fn Spend(name: &'static str, spend: Memo<SpendView>, days: u32) -> impl IntoView {
    let exact = move || spend.with(|spend| format!("{} credits", format::exact(spend.credits)));
    view! {
        <article class="card">
            <h2>{name}</h2>
            <p class="figure md" title=exact>
                {move || spend.with(|spend| format::brief(spend.credits))}
            </p>
            <p class="sub">{move || spend.with(|spend| comparison(spend, days))}</p>
        </article>
    }
    .into_any()
}

/// Against the usual when that is known, else the daily mean, else what the number is.
fn comparison(spend: &SpendView, days: u32) -> AnyView {
    let usual = spend.usual.as_ref();
    if let Some((percent, usual)) =
        usual.and_then(|usual| Some((format::percent_change(spend.credits, usual.credits)?, usual)))
    {
        let label = usual.label.clone();
        return match percent {
            -5..=5 => view! { "About as much as " {label} }.into_any(),
            6.. => view! { <span class="up">"▲ " {percent} " %"</span> " against " {label} }.into_any(),
            _ => view! { <span class="down">"▼ " {-percent} " %"</span> " against " {label} }.into_any(),
        };
    }
    if days > 1 {
        return view! { {format::per_day(spend.credits, days)} " a day" }.into_any();
    }
    view! { "credits since midnight" }.into_any()
}
