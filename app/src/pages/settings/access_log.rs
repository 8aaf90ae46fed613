//! What was done to an account: a few rows beside other things, and a page of them. The server alone makes both.

use leptos::prelude::*;

use crate::backend::security::{AccessView, MomentView};

/// An instant, exact when one points at it.
pub fn when(moment: MomentView) -> impl IntoView {
    view! { <span title=moment.exact>{moment.label}</span> }
}

/// The last rows, and where there are more.
pub fn beside(accesses: &[AccessView]) -> impl IntoView + use<> {
    view! {
        <section class="card" aria-labelledby="log-title">
            <header>
                <h2 id="log-title">"Access log"</h2>
                <a href="/settings/security/log" rel="external">
                    "Show all"
                </a>
            </header>
            {rows(accesses)}
        </section>
    }
}

/// A page of the log as HTML; `next` is the row before which it goes on, and `days` how long it is kept.
pub fn page(accesses: &[AccessView], next: Option<i64>, days: u32) -> String {
    let older = next.map(|next| {
        let href = format!("/settings/security/log?before={next}");
        view! {
            <p class="ways hint">
                <a class="button small" href=href rel="external">
                    "Older"
                </a>
            </p>
        }
    });
    view! {
        <p class="elsewhere sub">
            <a href="/settings/security" rel="external">
                "Back to Security"
            </a>
        </p>
        <section class="card" aria-labelledby="log-title">
            <header>
                <h2 id="log-title">"Access log"</h2>
            </header>
            <p class="sub">
                {format!(
                    "What was done to your account in the last {days} days, with which device and from which address. If something was not you, change your password and sign out all other devices.",
                )}
            </p>
            {rows(accesses)}
            {older}
        </section>
    }
    .to_html()
}

fn rows(accesses: &[AccessView]) -> AnyView {
    if accesses.is_empty() {
        return view! { <p class="sub">"Nothing yet."</p> }.into_any();
    }
    view! { <ul class="plain-rows access-log">{accesses.iter().map(row).collect_view()}</ul> }.into_any()
}

fn row(access: &AccessView) -> impl IntoView + use<> {
    let AccessView { what, at, address, device, is_warning } = access.clone();
    let mark = is_warning.then(|| view! { " " <span class="mark-word warn">"Failed"</span> });
    let from: Vec<String> = [device, address].into_iter().filter(|part| !part.is_empty()).collect();
    view! {
        <li>
            <div>
                <b class="long">{what}</b>
                {mark}
                {(!from.is_empty()).then(|| view! { <p class="sub long">{from.join(", ")}</p> })}
            </div>
            <span class="sub">{when(at)}</span>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_chosen_is_text_and_older_rows_are_a_link_away() {
        let access = AccessView {
            what: "Linked <script>alert(1)</script>".to_owned(),
            at: MomentView { label: "12:04:31".to_owned(), exact: "\"><script>".to_owned() },
            address: String::new(),
            device: "<script>".to_owned(),
            is_warning: true,
        };
        let html = page(std::slice::from_ref(&access), Some(7), 90);
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("/settings/security/log?before=7") && html.contains("90 days"), "{html}");
        assert!(!page(&[access], None, 90).contains("Older"));
        assert!(page(&[], None, 90).contains("Nothing yet."));
    }
}
