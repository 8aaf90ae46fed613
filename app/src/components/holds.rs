//! What is held and what is owed: credits that are neither spent nor free to be spent.

use ledger::Credits;
use leptos::prelude::*;

use super::rows::{cell, row, table, word};
use crate::backend::credits::{CreditsView, HoldRow};
use crate::format;

/// What is held for work under way; nothing when nothing is.
pub fn in_flight(view: &CreditsView) -> AnyView {
    if view.holds.is_empty() {
        return ().into_any();
    }
    let held = Credits::sum(view.holds.iter().map(|hold| hold.credits)).unwrap_or(Credits::MAX);
    let heads = [
        ("For", ""),
        ("Quantity", ""),
        ("Held by", ""),
        ("Since", ""),
        ("Given back at the latest", ""),
        ("Credits", "num"),
    ];
    let rows = view.holds.iter().map(hold).collect();
    view! {
        <section class="card activity" aria-labelledby="holds-title">
            <header>
                <h2 id="holds-title">{format!("In flight: {}", format::credits(held))}</h2>
            </header>
            <p class="sub">
                "Held for work under way. What it turns out to cost is charged, and the rest comes back to its grants."
            </p>
            {table("holds", &heads, rows)}
        </section>
    }
    .into_any()
}

fn hold(hold: &HoldRow) -> AnyView {
    row(
        "",
        vec![
            cell("what", hold.hold_id.clone(), hold.operation.clone().into_any()),
            word("quantity", hold.quantity.clone()),
            word("key", hold.name.clone()),
            cell("when", hold.since_exact.clone(), hold.since_label.clone().into_any()),
            cell("until", hold.until_exact.clone(), hold.until_label.clone().into_any()),
            word("num cost", format::exact(hold.credits)),
        ],
    )
}

/// What is owed and what repays it; nothing when nothing is.
pub fn owed(debt: Credits) -> AnyView {
    if debt.is_zero() {
        return ().into_any();
    }
    view! {
        <p class="banner bad">
            <b>{format!("You owe {}.", format::credits(debt))}</b>
            " Work was done that your credits did not cover. Whatever comes in next repays it first; until then what \
             costs credits is refused, and what is free passes."
        </p>
    }
    .into_any()
}
