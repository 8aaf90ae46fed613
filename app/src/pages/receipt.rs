//! `/receipts/{event_id}`: why did this cost what it cost?

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::api::receipt::receipt;
use crate::backend::ConsoleError;
use crate::backend::receipt::{
    CorrectionView, GrantLine, LONGEST_REPORT, Line, ReceiptView, RefusedReport, ReportView,
};
use crate::components::dynamic::text;
use crate::components::loading::{cards, loading};
use crate::format;

#[component]
pub fn ReceiptPage() -> impl IntoView {
    let params = use_params_map();
    let event_id = Memo::new(move |_| params.with(|params| params.get("event_id")).unwrap_or_default());
    let answer = Resource::new_blocking(move || event_id.get(), found);
    loading(
        answer,
        || cards(&["card", "card chart"]),
        |view| match view {
            Some(view) => receipt_of(view).into_any(),
            None => missing().into_any(),
        },
    )
}

async fn found(event_id: String) -> Result<Option<ReceiptView>, ConsoleError> {
    match receipt(event_id).await {
        Err(ConsoleError::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

fn missing() -> impl IntoView {
    view! {
        <Title text="Receipt not found · Plexe Console" />
        <section class="card problem">
            <h1>"There is no such receipt"</h1>
            <p class="sub">"The address may be mistyped, or the event belongs to another account."</p>
            <p>
                <a class="button" href="/usage">
                    "See your usage"
                </a>
            </p>
        </section>
    }
}

fn receipt_of(view: ReceiptView) -> impl IntoView {
    let is_free = view.credits.is_zero() && view.corrections.is_empty();
    let charged = if is_free { "free".to_owned() } else { format::exact(view.credits) };
    let cost = if is_free { "" } else { " credits" };
    view! {
        <Title text="Receipt · Plexe Console" />
        <article class="receipt">
            <p class="back">
                <a href="/usage">"← All events"</a>
            </p>
            <section class="card" aria-labelledby="receipt-title">
                <header>
                    <h1 id="receipt-title">{view.title}</h1>
                </header>
                <p class="figure">{charged}<small>{cost}</small></p>
                {sentence(&view.booked)}
                {lines(&view.facts)}
            </section>
            <section class="card" aria-labelledby="arithmetic-title">
                <header>
                    <h2 id="arithmetic-title">"How the price came about"</h2>
                </header>
                {lines(&view.arithmetic)}
            </section>
            <section class="card" aria-labelledby="paid-title">
                <header>
                    <h2 id="paid-title">"What paid for it, and why in this order"</h2>
                </header>
                {paid(&view.grants, view.aside.is_empty())}
                {view.aside.iter().map(|said| sentence(said)).collect_view()}
                <p class="balance">
                    "Balance " <b>{format::exact(view.balance_before)}</b> " before, "
                    <b>{format::exact(view.balance_after)}</b> " credits after"
                </p>
            </section>
            {view.corrections.iter().map(correction).collect_view()}
            <section class="card" aria-labelledby="chain-title">
                <header>
                    <h2 id="chain-title">"Where it stands in your books"</h2>
                </header>
                {lines(&view.chain)}
            </section>
            {reports(&view.event_id, &view.reports, view.refused)}
        </article>
    }
}

fn lines(lines: &[Line]) -> AnyView {
    let line = |line: &Line| {
        let note =
            (!line.note.is_empty()).then(|| view! { <span class="sub note">{line.note.clone()}</span> });
        view! {
            <div>
                <dt>{line.name.clone()}</dt>
                <dd>{line.value.clone()} " " {note}</dd>
            </div>
        }
    };
    view! { <dl class="lines">{lines.iter().map(line).collect_view()}</dl> }.into_any()
}

fn correction(correction: &CorrectionView) -> AnyView {
    view! {
        <section class="card">
            <header>
                <h2>{correction.title.clone()}</h2>
            </header>
            {lines(&correction.lines)}
        </section>
    }
    .into_any()
}

/// A paragraph of its own; none for an empty text.
fn sentence(text: &str) -> AnyView {
    if text.is_empty() {
        return ().into_any();
    }
    view! { <p class="aside">{text.to_owned()}</p> }.into_any()
}

fn paid(grants: &[GrantLine], is_all: bool) -> AnyView {
    if grants.is_empty() {
        return sentence(if is_all { "Nothing: it cost nothing." } else { "" });
    }
    let grant = |grant: &GrantLine| {
        view! {
            <li>
                <p>
                    <b title=grant.grant_id.clone()>{grant.name.clone()}</b>
                    <span class="cost">{format!("{} credits", format::exact(grant.credits))}</span>
                </p>
                <p class="sub">{format!("{} {}", grant.why, grant.expiry)}</p>
            </li>
        }
    };
    view! { <ol class="paid">{grants.iter().map(grant).collect_view()}</ol> }.into_any()
}

fn reports(event_id: &str, reports: &[ReportView], refused: Option<RefusedReport>) -> impl IntoView + use<> {
    let heading = if reports.is_empty() { "Report a problem" } else { "Reported" };
    let sent = reports.iter().map(report).collect_view();
    let form = form(event_id, refused, reports.is_empty());
    view! {
        <section class="card" id="reports" aria-labelledby="reports-title">
            <header>
                <h2 id="reports-title">{heading}</h2>
            </header>
            {sent}
            {form}
        </section>
    }
}

fn report(report: &ReportView) -> impl IntoView + use<> {
    view! {
        <div class="report">
            <p>{report.text.clone()}</p>
            <p class="sub">
                "Sent " <time datetime=report.at.clone()>{report.at_label.clone()}</time>
                ". Whoever runs this console can read it."
            </p>
        </div>
    }
}

fn form(event_id: &str, refused: Option<RefusedReport>, is_first: bool) -> impl IntoView + use<> {
    let sending = RwSignal::new(false);
    let refused = refused.unwrap_or(RefusedReport { text: String::new(), problem: String::new() });
    let is_refused = !refused.problem.is_empty();
    let problem = is_refused.then(|| {
        view! {
            <p class="notice bad" id="report-problem" role="alert">
                {refused.problem}
            </p>
        }
    });
    let label = if is_first { "What is wrong with this charge?" } else { "Anything to add?" };
    let button = text(move || if sending.get() { "Sending…" } else { "Send report" }.to_owned());
    view! {
        <form
            class="form"
            method="post"
            action=format!("/receipts/{event_id}")
            on:submit=move |_| sending.set(true)
        >
            {problem}
            <label for="report">{label}</label>
            <textarea
                id="report"
                name="text"
                rows="4"
                required
                maxlength=LONGEST_REPORT.to_string()
                aria-invalid=is_refused.then_some("true")
                aria-describedby=is_refused.then_some("report-problem")
            >
                {refused.text}
            </textarea>
            <button type="submit" class="button" disabled=sending>
                {button}
            </button>
        </form>
    }
}
