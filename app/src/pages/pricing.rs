//! `/pricing`: what each operation costs, what some of them would cost together, and what will change.

use ledger::rate::{Price, Pricing};
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;

use crate::api::pricing::pricing;
use crate::backend::pricing::{CardView, PricingView};
use crate::calculation::Calculation;
use crate::components::calculator::{self, Calculator};
use crate::components::problem::Problem;
use crate::components::public::{PublicPage, Since};
use crate::{format, prices};

/// What was asked of the calculator: operation and quantity, as they stand in the address.
type Asked = Vec<(String, String)>;

#[component]
pub fn PricingPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let asked: Asked = query.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
    let asked = StoredValue::new(asked);
    view! {
        <Title text="Pricing · Plexe Console" />
        <Meta
            name="description"
            content="What each operation costs in credits, and a calculator for what yours would cost."
        />
        <PublicPage here="/pricing">
            <Suspense fallback=|| ()>
                {move || Suspend::new(async move {
                    match pricing().await {
                        Ok(view) => view! { <Loaded view asked=asked.get_value() /> }.into_any(),
                        Err(error) => view! { <Problem sentence=error.to_string() /> }.into_any(),
                    }
                })}
            </Suspense>
        </PublicPage>
    }
}

#[component]
fn Loaded(view: PricingView, asked: Asked) -> impl IntoView {
    let PricingView { card, next, sign_up, .. } = view;
    let begin = sign_up.map(|brought| {
        let credits = format::credits(brought.credits);
        format!(" A verified e-mail address brings {credits} to begin with.")
    });
    let upcoming = next.map(|next| {
        let changes = changes(&card.prices, &next.prices);
        view! { <Upcoming next changes /> }
    });
    view! {
        <div class="intro">
            <h1>"Pricing"</h1>
            <p class="sub">
                "Operations cost credits, and what is charged is exactly what stands here." {begin} " "
                <a href="/docs/billing" rel="external">
                    "How credits work"
                </a>
            </p>
        </div>
        <Card card asked />
        {upcoming}
        <section class="card" aria-labelledby="programs">
            <header>
                <h2 id="programs">"The same for programs"</h2>
            </header>
            <p class="sub">
                <code>"GET /rate-card"</code>" is this list, "<code>"POST /rate-card/estimate"</code>
                " is the calculator with its arithmetic. Neither needs a key. "
                <a href="/docs/billing#api" rel="external">
                    "Examples"
                </a>
            </p>
        </section>
    }
}

#[component]
fn Card(card: CardView, asked: Asked) -> impl IntoView {
    let unknown = unknown(&card.prices, &asked);
    let is_graduated = |price: &Price| matches!(price.pricing, Pricing::Graduated { .. });
    let by_month = card
        .prices
        .iter()
        .any(is_graduated)
        .then_some(" Where a price goes by the month, it is the first event of the month.");
    let prices = serde_json::to_string(&card.prices).unwrap_or_default();
    let find =
        |operation: &str| asked.iter().find(|(name, _)| name == operation).map(|(_, typed)| typed.clone());
    let calculation = RwSignal::new(Calculation::new(card.prices, find));
    let heading = format!("Rate card, version {}", card.version);
    view! {
        <section class="card" aria-labelledby="card">
            <header>
                <h2 id="card">{heading}</h2>
                <p class="sub since">
                    <Since since=card.since />
                </p>
            </header>
            <p class="sub">
                "Type quantities to see what they would cost, as one event for each line." {by_month}
            </p>
            {(!unknown.is_empty())
                .then(|| {
                    let sentence = format!("Not on this rate card: {}.", unknown.join(", "));
                    view! {
                        <p class="notice warn" role="status">
                            {sentence}
                        </p>
                    }
                })} <div id=calculator::ID data-prices=prices>
                <Calculator calculation />
            </div>
        </section>
    }
}

#[component]
fn Upcoming(next: CardView, changes: Vec<Change>) -> impl IntoView {
    let heading = format!("Next: version {}", next.version);
    let row = |Change { operation, now, then }: Change| {
        view! {
            <tr>
                <th scope="row">{operation}</th>
                <td>{now}</td>
                <td>{then}</td>
            </tr>
        }
    };
    let rows = changes.into_iter().map(row).collect_view();
    view! {
        <section class="card" aria-labelledby="next">
            <header>
                <h2 id="next">{heading}</h2>
                <p class="sub since">
                    <Since since=next.since ahead=true />
                </p>
            </header>
            <p class="sub">"What changes then. Everything charged before keeps its price for ever."</p>
            <div class="scroll" tabindex="0" role="region" aria-label="Changes">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Operation"</th>
                            <th scope="col">"Now"</th>
                            <th scope="col">"Then"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

/// One operation whose price changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    operation: String,
    now: String,
    then: String,
}

/// What the next card says otherwise, in the order of the cards.
fn changes(now: &[Price], then: &[Price]) -> Vec<Change> {
    let find =
        |prices: &[Price], operation: &str| prices.iter().find(|price| price.operation == operation).cloned();
    let added = then.iter().filter(|price| find(now, &price.operation).is_none());
    let change = |price: &Price| {
        let (before, after) = (find(now, &price.operation), find(then, &price.operation));
        let said = |price: Option<&Price>, absent: &str| price.map_or(absent.to_owned(), prices::line);
        (before != after).then(|| Change {
            operation: price.operation.clone(),
            now: said(before.as_ref(), "not offered"),
            then: said(after.as_ref(), "no longer offered"),
        })
    };
    now.iter().chain(added).filter_map(change).collect()
}

/// Names in the address that are no operations of the card, at most a few and not too long.
fn unknown(prices: &[Price], asked: &Asked) -> Vec<String> {
    let known = |name: &str| prices.iter().any(|price| price.operation == name);
    let names = asked.iter().filter(|(name, _)| !known(name)).take(5);
    names.map(|(name, _)| name.chars().take(64).collect()).collect()
}

#[cfg(test)]
mod tests {
    use ledger::Credits;
    use ledger::rate::RateCard;

    use super::*;

    #[test]
    fn what_changes_is_told_from_what_stays() {
        let now = RateCard::example().prices;
        let mut then = now.clone();
        then[0].pricing = Pricing::Flat { credits_per_unit: Credits::whole(60) };
        then.remove(3);
        then.push(Price { operation: "model.audit".to_owned(), unit: "run".to_owned(), ..now[0].clone() });
        let told: Vec<_> =
            changes(&now, &then).into_iter().map(|it| [it.operation, it.now, it.then].join("; ")).collect();
        assert_eq!(
            told,
            [
                "model.build; 50 credits per iteration; 60 credits per iteration",
                "data.storage; 0.01 credits per MB·day; no longer offered",
                "model.audit; not offered; 50 credits per run",
            ]
        );
        assert!(changes(&now, &now).is_empty());
    }

    #[test]
    fn names_that_are_no_operations_are_told() {
        let asked = |name: &str| vec![(name.to_owned(), "1".to_owned())];
        let prices = RateCard::example().prices;
        assert!(unknown(&prices, &asked("model.build")).is_empty());
        assert_eq!(unknown(&prices, &asked("model.biuld")), ["model.biuld"]);
        assert_eq!(unknown(&prices, &asked(&"x".repeat(1_000)))[0].len(), 64);
    }
}
