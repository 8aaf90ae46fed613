//! The latest events, newest first. A table; on a phone, a list of the same rows.

use leptos::prelude::*;

use crate::backend::overview::ActivityRow;
use crate::format;
use crate::live::feed::Feed;

#[component]
pub fn LatestActivity(feed: RwSignal<Feed>) -> impl IntoView {
    let rows = Memo::new(move |_| {
        feed.with(|feed| {
            feed.view().latest.iter().map(|row| (feed.is_fresh(row), row.clone())).collect::<Vec<_>>()
        })
    });
    view! {
        <section class="card activity" aria-labelledby="activity-title">
            <header>
                <h2 id="activity-title">"Latest activity"</h2>
            </header>
            <table class="rows">
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"Operation"</th>
                        <th scope="col">"Quantity"</th>
                        <th scope="col">"Key"</th>
                        <th scope="col" class="num">
                            "Credits"
                        </th>
                        <th scope="col" class="num">
                            "Balance"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || rows.get()
                        key=|(fresh, row)| (*fresh, row.seq)
                        children=|(fresh, row)| view! { <Row row fresh /> }
                    />
                </tbody>
            </table>
        </section>
    }
    .into_any()
}

#[component]
fn Row(
    row: ActivityRow,
    /// Arrived with the last batch: highlighted.
    fresh: bool,
) -> impl IntoView {
    let charged = if row.credits.is_zero() { "free".to_owned() } else { format::exact(row.credits) };
    let key = row.api_key.map_or_else(
        || view! { <span class="muted">"no key"</span> }.into_any(),
        |key| view! { <code>{key}</code> }.into_any(),
    );
    view! {
        <tr class:new=fresh>
            <td class="when">
                <time datetime=row.recorded_at title=row.exact_label>
                    {row.at_label}
                </time>
            </td>
            <td class="what">{row.operation}</td>
            <td class="quantity">{format::quantity(row.quantity, &row.unit)}</td>
            <td class="key">{key}</td>
            <td class="num cost">{charged}</td>
            <td class="num after" title=format!("{} credits", format::exact(row.balance_after))>
                {format::balance(row.balance_after)}
            </td>
        </tr>
    }
    .into_any()
}
