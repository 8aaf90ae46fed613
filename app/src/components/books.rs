//! An account's books: every movement with the balance after it, newest first.

use ledger::EventId;
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
    let what = match receipt(entry) {
        Some(href) => view! { <a href=href>{what(entry)}</a> }.into_any(),
        None => what(entry).into_any(),
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
            word("num cost", moved(entry)),
            cell("num after", balance, format::balance(entry.available_after).into_any()),
        ],
    )
}

/// Of the event that it is a leg of: legs follow each other, and leg 0 names the event.
fn receipt(entry: &EntryMessage) -> Option<String> {
    let account = match (&entry.event, entry.grant_id) {
        (Some(event), _) => event.event_id.account,
        (None, Some(grant)) if entry.movement == "charge" => grant.account,
        (None, _) => return None,
    };
    let seq = entry.seq.saturating_sub(entry.leg.into());
    Some(format!("/receipts/{}", EventId { account, seq }))
}

fn what(entry: &EntryMessage) -> String {
    match (&entry.event, entry.movement.as_str()) {
        (Some(event), _) => event.operation.clone(),
        (None, "charge") => format!("rest of № {}", entry.seq.saturating_sub(entry.leg.into())),
        (None, "issue") => "Granted".to_owned(),
        (None, "expire") => "Ran out".to_owned(),
        (None, "void") => "Taken back".to_owned(),
        (None, other) => other.to_owned(),
    }
}

fn moved(entry: &EntryMessage) -> String {
    let amount = format::exact(entry.amount);
    match entry.movement.as_str() {
        "charge" if entry.amount.is_zero() => "free".to_owned(),
        "issue" => format!("+{amount}"),
        "charge" | "expire" | "void" => format!("−{amount}"),
        _ => amount,
    }
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
