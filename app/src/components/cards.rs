//! The row of figures at the top of the overview, and the burn-down beside the first of them.

use leptos::prelude::*;

use super::dynamic::{dynamic, text};
use super::standing;
use crate::backend::overview::{BalanceView, OverviewView, SpendView};
use crate::charts::runway::{self, HEIGHT, WIDTH, outlook};
use crate::format;
use crate::live::feed::Feed;

/// Available, today, 7 days, 30 days. They move with the feed.
#[component]
pub fn Cards(feed: RwSignal<Feed>) -> impl IntoView {
    view! {
        <section class="cards" aria-label="Credits">
            <Available feed />
            <Spend name="Today" feed of=|view| &view.today days=1 />
            <Spend name="Last 7 days" feed of=|view| &view.last_7_days days=7 />
            <Spend name="Last 30 days" feed of=|view| &view.last_30_days days=30 />
        </section>
    }
}

#[component]
fn Available(feed: RwSignal<Feed>) -> impl IntoView {
    let available = move || feed.with(|feed| feed.view().balance.available);
    view! {
        <article class="card hero">
            <h2>"Available"</h2>
            <div class="level">
                <p class="figure" title=text(move || format!("{} credits", format::exact(available())))>
                    {text(move || format::balance_parts(available()).0)}
                    <small>{text(move || format::balance_parts(available()).1)}</small>
                </p>
                <BurnDown feed />
            </div>
            <div class="stack" aria-hidden="true">
                {dynamic(move || feed.with(|feed| stack(&feed.view().balance)))}
            </div>
            <p class="legend">{dynamic(move || feed.with(|feed| lots(&feed.view().balance)))}</p>
        </article>
    }
}

/// Where the balance is going, from now to its end. The line above the cards says the same in words.
#[component]
fn BurnDown(feed: RwSignal<Feed>) -> impl IntoView {
    let line = Memo::new(move |_| feed.with(|feed| runway::line(&outlook(&feed.view().runway))));
    let said = standing::of(feed);
    let path = move || {
        let corners = line.get().into_iter().map(|(x, y)| format!("{x},{y}"));
        corners.collect::<Vec<_>>().join(" ")
    };
    view! {
        <svg
            class="burn"
            viewBox=format!("0 0 {WIDTH} {HEIGHT}")
            preserveAspectRatio="none"
            role="img"
            aria-label=text(move || said.with(|said| format!("Burn-down. {}{}", said.strong, said.rest)))
        >
            <polygon points=text(move || format!("0,{HEIGHT} {} {WIDTH},{HEIGHT}", path())) />
            <polyline points=text(path) />
        </svg>
    }
}

/// The lots side by side, as long as their share.
fn stack(balance: &BalanceView) -> impl IntoView + use<> {
    let lot =
        |(kind, micros)| view! { <i class=format!("lot-{kind}") style=format!("flex-grow:{micros}")></i> };
    let lots = balance.lots.iter().map(|lot| (lot.kind.clone(), lot.remaining.micros()));
    lots.filter(|(_, micros)| *micros > 0).map(lot).collect_view()
}

fn lots(balance: &BalanceView) -> impl IntoView + use<> {
    let lots = balance.lots.iter();
    let mut parts: Vec<_> =
        lots.map(|lot| (format!("lot-{}", lot.kind), format::grant_kind(&lot.kind), lot.remaining)).collect();
    parts.push(("lot-held".to_owned(), "In flight", balance.held));
    parts.push(("lot-debt".to_owned(), "Owed", balance.debt));
    parts.retain(|(_, _, credits)| !credits.is_zero());
    if parts.is_empty() {
        parts.push(("lot-held".to_owned(), "Nothing left:", ledger::Credits::ZERO));
    }
    let part = |(class, name, credits): (String, &str, _)| {
        view! {
            <span title=format!("{} credits", format::exact(credits))>
                <i class=class></i>
                {format!("{name} {}", format::balance(credits))}
            </span>
        }
    };
    parts.into_iter().map(part).collect_view()
}

#[component]
fn Spend(
    name: &'static str,
    feed: RwSignal<Feed>,
    /// Which of the view's sums.
    of: fn(&OverviewView) -> &SpendView,
    days: u32,
) -> impl IntoView {
    let spent = move || feed.with(|feed| of(feed.view()).credits);
    view! {
        <article class="card">
            <h2>{name}</h2>
            <p class="figure md" title=text(move || format!("{} credits", format::exact(spent())))>
                {text(move || format::brief(spent()))}
            </p>
            <p class="sub">{dynamic(move || feed.with(|feed| comparison(of(feed.view()), days)))}</p>
        </article>
    }
}

/// Against the usual when that is known, else the daily mean, else what the number is.
fn comparison(spend: &SpendView, days: u32) -> impl IntoView + use<> {
    let usual = spend.usual.as_ref();
    let change = usual.and_then(|usual| format::percent_change(spend.credits, usual.credits));
    let label = usual.map(|usual| usual.label.clone()).unwrap_or_default();
    let (class, change, rest) = match change {
        Some(-5..=5) => ("", String::new(), format!("About as much as {label}")),
        Some(percent @ 6..) => ("up", format!("▲ {percent} %"), format!(" against {label}")),
        Some(percent) => ("down", format!("▼ {} %", -percent), format!(" against {label}")),
        None if days > 1 => ("", String::new(), format!("{} a day", format::per_day(spend.credits, days))),
        None => ("", String::new(), "credits since midnight".to_owned()),
    };
    view! {
        <span class=class>{change}</span>
        {rest}
    }
}
