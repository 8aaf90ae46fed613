//! Events, newest first. A table; on a phone, a list of the same rows.

use leptos::prelude::*;

use super::dynamic::dynamic;
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

/// Each place in the table is kept and says what is at that place now, so that a row that arrives moves no element: the
/// page does not jump, and a pointer or a screen reader stays where it is.
///
/// The roles are said aloud because a table that is laid out as a list on a phone loses its own.
#[component]
pub fn EventRows(
    rows: Signal<Vec<ActivityRow>>,
    /// Rows above this seq are new to the reader.
    fresh_after: Signal<u64>,
) -> impl IntoView {
    let drawn = move || {
        let fresh_after = fresh_after.get();
        rows.with(|rows| rows.iter().map(|one| row(one, one.seq > fresh_after)).collect_view())
    };
    view! {
        <table class="rows events" role="table">
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
            <tbody role="rowgroup">{dynamic(drawn)}</tbody>
        </table>
    }
}

fn row(row: &ActivityRow, fresh: bool) -> impl IntoView + use<> {
    // Arrived with the last batch: highlighted. Two names, so that the next one at the same place is highlighted anew.
    let class = match (fresh, row.seq % 2) {
        (false, _) => "",
        (true, 0) => "new",
        (true, _) => "new odd",
    };
    let is_free = row.credits.is_zero() && !row.is_corrected;
    let charged = if is_free { "free".to_owned() } else { format::exact(row.credits) };
    let corrected = if row.is_corrected { "corrected" } else { "" };
    let key = match &row.api_key {
        Some(key) => view! { <code>{key.clone()}</code> }.into_any(),
        None => view! { <span class="muted">"no key"</span> }.into_any(),
    };
    view! {
        <tr role="row" class=class>
            <td role="cell" class="when">
                <time datetime=row.at.clone() title=row.exact_label.clone()>
                    {row.at_label.clone()}
                </time>
            </td>
            <td role="cell" class="what">
                <a href=format!("/receipts/{}", row.event_id)>{row.operation.clone()}</a>
                <small>{corrected}</small>
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
