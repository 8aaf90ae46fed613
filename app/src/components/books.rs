//! An account's books: every movement with the balance after it, newest first.

use leptos::prelude::*;

use super::rows::{cell, row, table, word};
use crate::backend::credits::{CREDITS_PATH, CreditsView, EntryRow};
use crate::backend::live::EntryMessage;
use crate::format;

/// A page of the books, and the ways to the others. Entries above `fresh_after` are new to the reader.
pub fn books(view: &CreditsView, fresh_after: u64) -> AnyView {
    let heads =
        [("Entry", ""), ("When", ""), ("What", ""), ("Grant", ""), ("Credits", "num"), ("Balance", "num")];
    let rows = view.entries.iter().map(|one| line(one, one.entry.seq > fresh_after)).collect();
    view! {
        {table("books", &heads, rows)}
        {pager(view)}
    }
    .into_any()
}

fn line(line: &EntryRow, fresh: bool) -> AnyView {
    let entry = &line.entry;
    // Two names, so that the next one at the same place is highlighted anew.
    let class = match (fresh, entry.seq % 2) {
        (false, _) => "",
        (true, 0) => "new",
        (true, _) => "new odd",
    };
    let what = match line.event_id {
        Some(event) => view! { <a href=format!("/receipts/{event}")>{line.what.clone()}</a> }.into_any(),
        None => line.what.clone().into_any(),
    };
    let when = view! {
        <time datetime=entry.recorded_at.clone() title=line.exact_label.clone()>
            {line.at_label.clone()}
        </time>
    };
    let balance = format!("{} credits", format::exact(entry.available_after));
    row(
        class,
        vec![
            word("key", format!("№ {}", entry.seq)),
            cell("when", String::new(), when.into_any()),
            cell("what", String::new(), what),
            cell("quantity", line.grant.clone(), line.grant.clone().into_any()),
            moved(entry),
            cell("num after", balance, format::balance(entry.available_after).into_any()),
        ],
    )
}

/// With the sign of what it does to the balance. What moves between other places has none.
fn moved(entry: &EntryMessage) -> AnyView {
    let amount = format::exact(entry.amount);
    let (class, text) = match entry.movement.as_str() {
        "charge" if entry.amount.is_zero() => ("num cost", "free".to_owned()),
        _ if entry.amount.is_zero() => ("num cost still", amount),
        "issue" | "release" | "correct" => ("num cost", format!("+{amount}")),
        "settle" | "owe" | "forgive" => ("num cost still", amount),
        _ => ("num cost", format!("−{amount}")),
    };
    word(class, text)
}

fn pager(view: &CreditsView) -> AnyView {
    let older = view.before.map(|before| format!("{CREDITS_PATH}?before={before}"));
    if view.is_newest && older.is_none() {
        return ().into_any();
    }
    let newest = (!view.is_newest).then(|| CREDITS_PATH.to_owned());
    let link = |name: &'static str, href: Option<String>| {
        href.map(|href| view! { <a class="button small" href=href data-noscroll="">{name}</a> })
    };
    view! {
        <nav class="pager" aria-label="Pages of entries">
            {link("Newest", newest)} {link("Older", older)}
        </nav>
    }
    .into_any()
}
