//! The latest events, newest first. A table; on a phone, a list of the same rows.

use leptos::prelude::*;

use crate::backend::overview::ActivityRow;
use crate::format;
use crate::live::feed::Feed;

#[component]
pub fn LatestActivity(feed: RwSignal<Feed>) -> impl IntoView {
    let rows = Signal::derive(move || feed.with(|feed| feed.view().latest.clone()));
    let fresh_after = Signal::derive(move || feed.with(Feed::fresh_after));
    view! {
        <section class="card activity" aria-labelledby="activity-title">
            <header>
                <h2 id="activity-title">"Latest activity"</h2>
            </header>
            <EventRows rows fresh_after />
        </section>
    }
}

/// The roles are said aloud because a table that is laid out as a list on a phone loses its own.
#[component]
pub fn EventRows(
    rows: Signal<Vec<ActivityRow>>,
    /// Rows above this seq are new to the reader.
    fresh_after: Signal<u64>,
) -> impl IntoView {
    view! {
        <table class="rows" role="table">
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"When"</th>
                    <th scope="col" role="columnheader">"Operation"</th>
                    <th scope="col" role="columnheader">"Quantity"</th>
                    <th scope="col" role="columnheader">"Key"</th>
                    <th scope="col" role="columnheader" class="num">
                        "Credits"
                    </th>
                    <th scope="col" role="columnheader" class="num">
                        "Balance"
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">
                <For each=move || rows.get() key=|row| row.seq children=move |row| view! { <Row row fresh_after /> } />
            </tbody>
        </table>
    }
}

#[component]
fn Row(row: ActivityRow, fresh_after: Signal<u64>) -> impl IntoView {
    // Arrived with the last batch: highlighted.
    let seq = row.seq;
    let fresh = move || seq > fresh_after.get();
    let charged = if row.credits.is_zero() { "free".to_owned() } else { format::exact(row.credits) };
    let key = row.api_key.map_or_else(
        || view! { <span class="muted">"no key"</span> }.into_any(),
        |key| view! { <code>{key}</code> }.into_any(),
    );
    view! {
        <tr role="row" class:new=fresh>
            <td role="cell" class="when">
                <time datetime=row.at title=row.exact_label>
                    {row.at_label}
                </time>
            </td>
            <td role="cell" class="what">
                <a href=format!("/receipts/{}", row.event_id)>{row.operation}</a>
            </td>
            <td role="cell" class="quantity">{format::quantity(row.quantity, &row.unit)}</td>
            <td role="cell" class="key">{key}</td>
            <td role="cell" class="num cost">{charged}</td>
            <td role="cell" class="num after" title=format!("{} credits", format::exact(row.balance_after))>
                {format::balance(row.balance_after)}
            </td>
        </tr>
    }
}
