//! `/docs/billing`: how credits and consumption work. Every number comes from the rate card, the settings or the rules.

mod api;
mod kinds;
mod later;
mod rules;

use ledger::rate::Price;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};

use crate::api::pricing::pricing;
use crate::backend::pricing::PricingView;
use crate::components::problem::Problem;
use crate::components::public::PublicPage;

/// The parts of the page, in order: anchor and heading.
const PARTS: [(&str, &str); 11] = [
    ("credits", "What a credit is"),
    ("grants", "Where credits come from"),
    ("order", "Which credits are used first"),
    ("charges", "What a charge is"),
    ("holds", "Credits in flight"),
    ("refusals", "When credits run out"),
    ("debt", "When something is owed"),
    ("corrections", "When too much was charged"),
    ("retries", "Trying again is safe"),
    ("receipts", "Receipts"),
    ("api", "Over the API"),
];

#[component]
pub fn HowCreditsWork() -> impl IntoView {
    view! {
        <Title text="How credits work · Plexe Console" />
        <Meta
            name="description"
            content="What credits are, which are used first, what a charge is, and what happens when they run out."
        />
        <PublicPage here="/docs/billing">
            <Suspense fallback=|| ()>
                {move || Suspend::new(async move {
                    match pricing().await {
                        Ok(view) => view! { <Loaded view /> }.into_any(),
                        Err(error) => view! { <Problem sentence=error.to_string() /> }.into_any(),
                    }
                })}
            </Suspense>
        </PublicPage>
    }
}

#[component]
fn Loaded(view: PricingView) -> impl IntoView {
    let links = PARTS.map(|(id, heading)| {
        view! {
            <li>
                <a href=format!("#{id}")>{heading}</a>
            </li>
        }
    });
    let one = ledger::Quantity::parse("1").unwrap_or_default();
    let costs = |price: &&Price| price.quote(one).is_ok_and(|quote| !quote.credits.is_zero());
    let paid = view.card.prices.iter().find(costs).cloned();
    let kinds = kinds::kinds(&view.card.prices);
    view! {
        <div class="doc">
            <nav class="contents" aria-label="On this page">
                <ol>{links.collect_view()}</ol>
            </nav>
            <article class="prose">
                <h1>"How credits work"</h1>
                <p class="sub">
                    "What is charged, when, and from which credits. The numbers on this page are those in force."
                </p>
                <rules::Credits view=view.clone() />
                <rules::Grants sign_up=view.sign_up />
                <rules::Order />
                <rules::Charges kinds />
                <later::Holds paid=paid.clone() />
                <rules::Refusals paid=paid.clone() />
                <later::Debt />
                <later::Corrections />
                <rules::Retries />
                <rules::Receipts />
                <api::Routes base_url=view.base_url paid />
            </article>
        </div>
    }
}

/// One part, under the heading that the contents give it.
#[component]
fn Part(id: &'static str, children: Children) -> impl IntoView {
    let heading = PARTS.iter().find(|(known, _)| *known == id).map(|(_, heading)| *heading);
    view! {
        <section aria-labelledby=id>
            <h2 id=id>{heading}</h2>
            {children()}
        </section>
    }
}

/// A paid operation to explain things with; an invented one while everything is free.
fn example(paid: Option<Price>) -> Price {
    use ledger::rate::{Pricing, Rounding};

    paid.unwrap_or_else(|| Price {
        operation: "some.operation".to_owned(),
        unit: "call".to_owned(),
        pricing: Pricing::Flat { credits_per_unit: ledger::Credits::whole(1) },
        rounding: Rounding::HalfUp,
        minimum: None,
    })
}
