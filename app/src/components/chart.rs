//! The consumption card: a sentence, the bars, their legend, and the same numbers as a table.

use leptos::prelude::*;

use super::dynamic::{dynamic, text};
use crate::backend::overview::Granularity;
use crate::charts::Plot;
use crate::charts::sketch::Sketch;
use crate::format;

/// `id` of the element that ECharts draws into.
const PLOT_ID: &str = "consumption";

/// Shows the plot; `busy` while another one is on its way.
#[component]
pub fn Consumption(
    plot: Memo<Plot>,
    busy: Signal<bool>,
    /// What stands beside the title.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    // A closed table need not follow every event.
    let open = RwSignal::new(false);
    view! {
        <section class="card chart" aria-labelledby="consumption-title" aria-busy=move || busy.get().then_some("true")>
            <header>
                <h2 id="consumption-title">{text(move || plot.with(|plot| plot.title.clone()))}</h2>
                {children.map(|children| children())}
            </header>
            <Drawing plot />
            <div class="legend">
                {dynamic(move || plot.with(legend))} <span class="caption">{text(move || plot.with(|plot| plot.caption.clone()))}</span>
            </div>
            <details class="numbers" on:toggle=move |_| open.update(|open| *open = !*open)>
                <summary>"Show as table"</summary>
                <div class="scroll" tabindex="0" role="group" aria-label="Consumption as a table">
                    {dynamic(move || if open.get() { plot.with(table) } else { plot.with_untracked(table) })}
                </div>
            </details>
        </section>
    }
}

/// The sketch, until the chart library has drawn in its place. A picture by name; its numbers are in the table below.
#[component]
fn Drawing(plot: Memo<Plot>) -> impl IntoView {
    let drawn = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    crate::charts::mount::keep(PLOT_ID, plot, drawn);
    view! {
        <div class="plot" class:drawn=drawn role="img" aria-label=text(move || plot.with(|plot| plot.title.clone()))>
            {dynamic(move || (!drawn.get()).then(|| view! { <Sketch plot /> }))}
            <div class="echart" id=PLOT_ID></div>
        </div>
    }
}

fn legend(plot: &Plot) -> impl IntoView + use<> {
    plot.series
        .iter()
        .map(|one| {
            let title = format!("{} credits", format::exact(one.total));
            view! {
                <span title=title>
                    <i style=format!("background:var({})", one.ink.token())></i>
                    {one.name.clone()}
                    " "
                    {format::brief(one.total)}
                </span>
            }
        })
        .collect_view()
}

/// One row for each bucket, newest first, and the sums.
fn table(plot: &Plot) -> impl IntoView + use<> {
    let when = match plot.granularity {
        Granularity::QuarterHour => "Quarter of an hour",
        Granularity::Hour => "Hour",
        Granularity::Day => "Day",
        Granularity::Week => "Week",
        Granularity::Month => "Month",
    };
    let names = plot.series.iter().map(|one| view! { <th class="num" scope="col">{one.name.clone()}</th> });
    let rows = (0..plot.buckets.len()).rev().map(|bucket| {
        let cells = plot.series.iter().map(|one| number(one.values.get(bucket).copied().unwrap_or_default()));
        view! {
            <tr>
                <th scope="row">{plot.buckets[bucket].title.clone()}</th>
                {cells.collect_view()}
                {number(plot.height_at(bucket))}
            </tr>
        }
    });
    let sums = plot.series.iter().map(|one| number(one.total));
    view! {
        <table>
            <caption class="hidden">{plot.caption.clone()}</caption>
            <thead>
                <tr>
                    <th scope="col">{when}</th>
                    {names.collect_view()}
                    <th class="num" scope="col">
                        "Total"
                    </th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
            <tfoot>
                <tr>
                    <th scope="row">"Total"</th>
                    {sums.collect_view()}
                    {number(plot.total)}
                </tr>
            </tfoot>
        </table>
    }
}

fn number(credits: ledger::Credits) -> impl IntoView {
    view! { <td class="num">{format::exact(credits)}</td> }
}
