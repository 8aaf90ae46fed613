//! The account's keys as a table. Written as text by the server alone: its rows answer to nothing but their links, and the wasm
//! would carry the code of all of them.

use leptos::prelude::*;

use crate::backend::api_keys::{ApiKeyView, LimitView, Show, Standing, WhenView};
use crate::format;

/// The table, or what there is to say where there are no keys.
pub fn html(keys: &[ApiKeyView], show: Show, total: u64) -> String {
    if keys.is_empty() {
        let sentence = match show {
            Show::Active => "No key is active. Make one above; it works at once.",
            Show::Revoked => "No key has been revoked.",
            Show::All => "There are no keys yet. Make one above; it works at once.",
        };
        return view! { <p class="sub empty">{sentence}</p> }.to_html();
    }
    let rows = keys.iter().map(|key| row(key, show)).collect_view();
    let shown = u64::try_from(keys.len()).unwrap_or(u64::MAX);
    let more = (shown < total).then(|| {
        let (shown, total) = (format::count(shown), format::count(total));
        view! { <p class="sub empty">{format!("The newest {shown} of {total}. GET /auth/api-keys lists all.")}</p> }
    });
    view! {
        <table class="rows" role="table">
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Key"</th>
                    <th scope="col" role="columnheader">"Permission"</th>
                    <th scope="col" role="columnheader">"Spend limit"</th>
                    <th scope="col" role="columnheader">"Expires"</th>
                    <th scope="col" role="columnheader">"Last used"</th>
                    <th scope="col" role="columnheader" class="num">"Requests, 30 d"</th>
                    <th scope="col" role="columnheader">
                        <span class="hidden">"What can be done"</span>
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
        {more}
    }
    .to_html()
}

fn row(key: &ApiKeyView, show: Show) -> impl IntoView + use<> {
    let permission = if key.may_write { "Read and write" } else { "Read only" };
    let ends_label = ends_label(key);
    let hidden = || view! { <span class="hidden">" "{key.name.clone()}</span> };
    let revoke = (key.standing != Standing::Revoked).then(|| {
        view! {
            <a
                class="button small"
                href=format!("/settings/api-keys?show={show}&revoke={}", key.key_id)
                data-noscroll=""
            >
                "Revoke"
                {hidden()}
            </a>
        }
    });
    let hints = (!key.hints.is_empty()).then(|| {
        view! { <span class="hints">{key.hints.join(" · ")}</span> }
    });
    view! {
        <tr role="row">
            <td role="cell" class="what">
                <b>{key.name.clone()}</b>
                " "
                {marks(key)}
                <code>{key.label.clone()}</code>
                {hints}
            </td>
            <td role="cell" data-label="Permission">{permission}</td>
            <td role="cell" data-label="Spend limit" class="of-limit">
                {key.limit.as_ref().map_or_else(|| view! { <span class="muted">"none"</span> }.into_any(), |limit| spent(limit).into_any())}
            </td>
            <td role="cell" data-label=ends_label>{when(&key.ends)}</td>
            <td role="cell" data-label="Last used">{when(&key.last_used)}</td>
            <td role="cell" data-label="Requests, 30 d" class="num">{format::count(key.requests)}</td>
            <td role="cell" class="act">
                <a class="button small" href=format!("/settings/api-keys/{}", key.key_id) rel="external">
                    "Manage"
                    {hidden()}
                </a>
                " "
                {revoke}
            </td>
        </tr>
    }
}

/// What the end of a key is called.
pub(super) const fn ends_label(key: &ApiKeyView) -> &'static str {
    match key.standing {
        Standing::Revoked => "Revoked",
        Standing::Active | Standing::Expired => "Expires",
    }
}

/// What has become of a key, in one word each.
pub(super) fn marks(key: &ApiKeyView) -> impl IntoView + use<> {
    let mut marks = vec![];
    match key.standing {
        Standing::Revoked => marks.push(("mark-word", "Revoked")),
        Standing::Expired => marks.push(("mark-word", "Expired")),
        Standing::Active => {
            if let Some(limit) = key.limit.as_ref().filter(|limit| limit.is_reached) {
                let (class, word) = if limit.is_hard {
                    ("mark-word bad", "Limit reached")
                } else {
                    ("mark-word warn", "Above its limit")
                };
                marks.push((class, word));
            }
        }
    }
    if key.is_replaced {
        marks.push(("mark-word", "Rotated"));
    }
    marks.into_iter().map(|(class, word)| view! { <span class=class>{word}</span>" " }).collect_view()
}

/// How much of the limit is spent, as words and as a bar.
pub(super) fn spent(limit: &LimitView) -> impl IntoView + use<> {
    let LimitView { amount, spent, period, is_hard, is_reached, percent, anew } = limit;
    let words = format!("{} of {} a {period}", format::exact(*spent), format::exact(*amount));
    let exact =
        format!("{} of {} credits; anew {}", format::exact(*spent), format::exact(*amount), anew.exact);
    let class = match (is_reached, is_hard) {
        (true, true) => "limit reached",
        (true, false) => "limit above",
        (false, _) => "limit",
    };
    view! {
        <span class=class title=exact>
            <span>{words.clone()}</span>
            <progress max="100" value=percent.to_string() aria-label=words></progress>
        </span>
    }
}

pub(super) fn when(at: &WhenView) -> impl IntoView + use<> {
    let class = if at.exact.is_empty() { "muted" } else { "" };
    view! {
        <span class=class title=at.exact.clone()>
            {at.label.clone()}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use ledger::Credits;

    use super::*;

    fn at(label: &str) -> WhenView {
        WhenView { label: label.to_owned(), exact: label.to_owned() }
    }

    fn key(limit: Option<LimitView>) -> ApiKeyView {
        ApiKeyView {
            key_id: "key_9fA2k3QdZt8w".parse().unwrap(),
            name: "<script>".to_owned(),
            label: "plx_sk_9f2a…k3Qd".to_owned(),
            may_write: true,
            standing: Standing::Active,
            is_replaced: false,
            created: at("1 Nov 2026"),
            ends: at("never"),
            last_used: at("never"),
            requests: 0,
            limit,
            made_with: None,
            made: 0,
            hints: vec!["no expiry"],
        }
    }

    fn limit(is_hard: bool, is_reached: bool) -> LimitView {
        LimitView {
            amount: Credits::whole(100),
            spent: Credits::parse("12.5").unwrap(),
            period: "month",
            is_hard,
            is_reached,
            percent: 12,
            anew: at("1 Dec 2026"),
        }
    }

    #[test]
    fn a_row_says_how_much_of_the_limit_is_spent_and_names_never_become_markup() {
        let html = html(&[key(Some(limit(true, false)))], Show::Active, 1);
        assert!(html.contains("12.5 of 100 a month"), "{html}");
        assert!(html.contains("value=\"12\"") && html.contains("no expiry"), "{html}");
        assert!(!html.contains("<script>") && !html.contains("Limit reached"), "{html}");
    }

    #[test]
    fn a_reached_limit_is_a_word_and_not_a_colour_alone() {
        assert!(html(&[key(Some(limit(true, true)))], Show::Active, 1).contains("Limit reached"));
        assert!(html(&[key(Some(limit(false, true)))], Show::Active, 1).contains("Above its limit"));
        let revoked = ApiKeyView { standing: Standing::Revoked, ..key(Some(limit(true, true))) };
        let html = html(&[revoked], Show::All, 1);
        assert!(html.contains("Revoked") && !html.contains("Limit reached"));
    }
}
