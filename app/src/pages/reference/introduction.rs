//! What holds for every operation.

use leptos::prelude::*;
use serde_json::Value;

use super::prose;
use super::schema::{fields, list};

/// Anchor and heading of each part.
pub const PARTS: [(&str, &str); 5] = [
    ("credentials", "Credentials"),
    ("errors", "Errors"),
    ("limits", "Limits"),
    ("again", "Sending again"),
    ("lists", "Lists"),
];

pub fn view(document: &Value) -> impl IntoView + use<> {
    view! {
        <h1>"API reference"</h1>
        <p class="sub">
            "What every route takes and answers. For programs: " <a href="/openapi.json">"/openapi.json"</a>
            " (OpenAPI 3.1), which this page is made from. Every route is also there under "
            <code>"/v1"</code> "."
        </p>
        <section id={PARTS[0].0}>
            <h2>{PARTS[0].1}</h2>
            <p>
                "Send a key as " <code>"Authorization: Bearer plx_sk_…"</code> " or as " <code>"x-api-key: plx_sk_…"</code>
                ". Customers make theirs in "
                <a href="/settings/api-keys">"Settings, API keys"</a>
                "; they begin with " <code>"plx_sk_"</code>
                " and either read or change what belongs to one account. The platform\u{2019}s own services have keys that begin with "
                <code>"plx_svc_"</code> " and say by their scopes what they may do."
            </p>
            <p>"In the examples, put your own key and ids in place of those that end with …"</p>
        </section>
        <section id={PARTS[1].0}>
            <h2>{PARTS[1].1}</h2>
            <p>
                "Whatever is refused has one form. " <code>"code"</code> " is for programs, " <code>"message"</code>
                " for people; " <code>"details"</code> " say which field is wrong, or what is missing and what helps."
            </p>
            {list(fields(document, &document["components"]["schemas"]["Error"]), "not always there")}
            <dl class="fields codes">{errors(document)}</dl>
        </section>
        <section id={PARTS[2].0}>
            <h2>{PARTS[2].1}</h2>
            <p>
                "An account has so many requests a minute, with all its keys together; each answer says how many in "
                <code>"RateLimit-Limit"</code> ", how many are left in " <code>"RateLimit-Remaining"</code>
                ", and in how many seconds all are there again in " <code>"RateLimit-Reset"</code> ". Above that comes 429 with "
                <code>"Retry-After"</code> ". A body has at most 1 MiB, a list in it at most 1 000 items."
            </p>
            <p>
                "Every answer has an " <code>"X-Request-Id"</code> ": yours, when the request had one, else a new one. It is what to \
                 tell us when something went wrong."
            </p>
        </section>
        <section id={PARTS[3].0}>
            <h2>{PARTS[3].1}</h2>
            <p>
                "Events, holds and corrections carry an id that you choose. The same id with the same content is answered as the \
                 first time, with " <code>"replayed"</code>
                " true, and charges nothing; with other content it is a 409 that names what differs. So after a timeout or a 503, \
                 send the same request again. A charge that was answered is on disk. What was refused for want of credits was not \
                 kept: the same id may succeed later."
            </p>
        </section>
        <section id={PARTS[4].0}>
            <h2>{PARTS[4].1}</h2>
            <p>
                "Lists are newest first, 20 rows unless " <code>"limit"</code> " says otherwise (1\u{2013}100). Go on with "
                <code>"offset"</code> ", or in long histories with " <code>"cursor"</code> ", which is the "
                <code>"next_cursor"</code> " of the page before and null at the end."
            </p>
            <p>
                "Times are RFC 3339 in UTC. Credits are JSON numbers with up to 6 decimals; they are exact, so read them as decimals \
                 where you add them up."
            </p>
        </section>
    }
}

fn errors(document: &Value) -> impl IntoView + use<> {
    let rows = document["x-errors"].as_array().into_iter().flatten().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        view! {
            <dt>
                {row["status"].to_string()} " " <code>{text("code")}</code>
            </dt>
            <dd>{prose(&text("meaning"))}</dd>
        }
    });
    rows.collect_view()
}
