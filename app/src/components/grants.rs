//! Grants: until when they last, and in which order they burn.

use leptos::prelude::*;

use super::rows::{cell, row, table, word};
use crate::backend::credits::{CreditsView, GrantRow};
use crate::format;

/// Rows of the timeline; the table has all.
const BARS: usize = 8;

/// The title of the timeline.
pub fn finding(grants: &[GrantRow]) -> String {
    let ends = |row: &&GrantRow| row.status == "active" && !row.expires.is_empty();
    let first = grants.iter().filter(ends).min_by_key(|row| row.to);
    match first {
        Some(row) => format!("{} run out on {}, unless they are spent first", amount(row), row.expires),
        None if grants.iter().any(|row| row.status == "active") => {
            "None of the credits that you can spend ever runs out".to_owned()
        }
        None => "There are no credits that you can spend now".to_owned(),
    }
}

fn amount(row: &GrantRow) -> String {
    format!("{} credits", format::brief(row.remaining))
}

/// One bar for each grant that is open, from today or when it comes into force to when it runs out.
pub fn timeline(view: &CreditsView) -> AnyView {
    let open: Vec<&GrantRow> = view.grants.iter().filter(|row| row.is_open()).collect();
    if open.is_empty() {
        return view! { <p class="sub">"What is given or bought appears here."</p> }.into_any();
    }
    let more = open.len().saturating_sub(BARS);
    let more =
        (more > 0).then(|| view! { <p class="sub">{format!("And {more} more, in the table below.")}</p> });
    let label = |label: &String| view! { <span>{label.clone()}</span> };
    let about = format!("When grants run out, {}", view.time_zone);
    view! {
        <ol class="timeline" aria-label=about>
            {open.iter().take(BARS).map(|row| bar(row)).collect_view()}
        </ol>
        <p class="axis" aria-hidden="true">
            {view.axis.iter().map(label).collect_view()}
        </p>
        {more}
    }
    .into_any()
}

fn bar(row: &GrantRow) -> AnyView {
    let thousandths = |number: u16| format!("{}.{}%", number / 10, number % 10);
    let open = if row.expires.is_empty() { " open" } else { "" };
    let style =
        format!("left:{};right:{}", thousandths(row.from), thousandths(1_000_u16.saturating_sub(row.to)));
    view! {
        <li>
            <p>
                <b>{row.name.clone()}</b>
                <span class="left">{amount(row)}</span>
            </p>
            <div class="track" aria-hidden="true">
                <i class=format!("lot-{}{open}", row.kind) style=style></i>
            </div>
            <p class="sub">{end(row)}</p>
        </li>
    }
    .into_any()
}

fn end(row: &GrantRow) -> String {
    let from = if row.status == "pending" { "Not yet in force; " } else { "" };
    match row.expires.as_str() {
        "" => format!("{from}never runs out"),
        day => format!("{from}until {day}"),
    }
}

/// All grants, in the order in which they burn.
pub fn grants_table(view: &CreditsView) -> AnyView {
    if view.grants.is_empty() {
        return view! { <p class="sub empty">"You have no grants yet."</p> }.into_any();
    }
    let hidden = (view.hidden_grants > 0).then(|| {
        let count = format::count(view.hidden_grants);
        let said = format!("And {count} older, which are gone; GET /credits/grants lists them all.");
        view! { <p class="sub more">{said}</p> }
    });
    let heads = [
        ("Grant", ""),
        ("Place, and why", ""),
        ("Priority", ""),
        ("Runs out", ""),
        ("Left", "num"),
        ("Of", "num"),
    ];
    let rows = view.grants.iter().map(grant).collect();
    view! {
        {table("grants", &heads, rows)}
        {hidden}
    }
    .into_any()
}

fn grant(grant: &GrantRow) -> AnyView {
    let class = if grant.is_gone() { "gone" } else { "" };
    let (ends, expires) = match grant.expires.as_str() {
        "" => ("when never", "never"),
        day => ("when", day),
    };
    let name = view! {
        <i class=format!("dot lot-{}", grant.kind) aria-hidden="true"></i>
        {grant.name.clone()}
    };
    row(
        class,
        vec![
            cell("what", grant.grant_id.to_string(), name.into_any()),
            word("why", grant.why.clone()),
            word("priority", grant.priority.to_string()),
            word(ends, expires.to_owned()),
            word("num cost", format::exact(grant.remaining)),
            word("num of", format::exact(grant.amount)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use ledger::{AccountId, Credits, GrantId};

    use super::*;

    fn given(status: &str, remaining: u32, expires: &str, to: u16) -> GrantRow {
        let account: AccountId = "acct_01900000000070008000000000000001".parse().unwrap();
        GrantRow {
            grant_id: GrantId { account, seq: 1 },
            kind: "promo".to_owned(),
            name: "Promotion".to_owned(),
            status: status.to_owned(),
            amount: Credits::whole(100),
            remaining: Credits::whole(remaining),
            held: Credits::ZERO,
            priority: 100,
            expires: expires.to_owned(),
            why: String::new(),
            from: 0,
            to,
        }
    }

    #[test]
    fn the_title_names_what_runs_out_first() {
        let later = given("active", 5, "1 Jan 2027", 900);
        let first = given("active", 60, "8 Dec 2026", 300);
        let pending = given("pending", 7, "2 Dec 2026", 100);
        assert_eq!(
            finding(&[later, first, pending.clone(), given("expired", 0, "1 Nov 2026", 0)]),
            "60 credits run out on 8 Dec 2026, unless they are spent first"
        );
        let never = given("active", 5, "", 1_000);
        assert_eq!(finding(&[never]), "None of the credits that you can spend ever runs out");
        assert_eq!(finding(&[pending]), "There are no credits that you can spend now");
    }
}
