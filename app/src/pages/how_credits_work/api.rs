//! The routes that answer the same questions, with requests that work as they stand.

use ledger::rate::Price;
use leptos::prelude::*;

use super::{Part, example};

/// What a customer's key opens, and what anybody may ask.
const ROUTES: [(&str, &str); 8] = [
    ("GET /usage/current", "the balance, and what this period has consumed"),
    ("GET /usage/history", "consumption over time, by operation or by key"),
    ("GET /usage/events", "every event, newest first"),
    ("GET /usage/events/{event_id}", "one event's receipt"),
    ("GET /usage/stream", "entries and balance as they happen"),
    ("GET /auth/api-keys", "your keys"),
    ("GET /rate-card", "the price list; no key needed"),
    ("POST /rate-card/estimate", "what a list of operations would cost; no key needed"),
];

#[component]
pub fn Routes(base_url: String, paid: Option<Price>) -> impl IntoView {
    let price = example(paid);
    let route = |(route, answers): (&'static str, &'static str)| {
        view! {
            <dt>
                <code>{route}</code>
            </dt>
            <dd>{answers}</dd>
        }
    };
    view! {
        <Part id="api">
            <p>"Everything on the pages can be read by programs:"</p>
            <dl>{ROUTES.map(route).collect_view()}</dl>
            <p>
                "Your balance, with a key from "
                <a href="/settings/api-keys" rel="external">
                    "Settings"
                </a> ":"
            </p>
            <pre tabindex="0">
                <code>{current(&base_url)}</code>
            </pre>
            <p>"What three units would cost, without any key:"</p>
            <pre tabindex="0">
                <code>{estimate(&base_url, &price.operation)}</code>
            </pre>
            <p>
                "Errors have one shape, "<code>"{\"error\": {\"code\", \"message\", \"status\"}}"</code>
                ", and name the field that is wrong. The "
                <a href="/docs" rel="external">
                    "API reference"
                </a> " has every route, with examples."
            </p>
        </Part>
    }
}

fn current(base_url: &str) -> String {
    format!("curl {base_url}/usage/current \\\n  -H 'x-api-key: plx_sk_…'")
}

fn estimate(base_url: &str, operation: &str) -> String {
    format!(
        "curl {base_url}/rate-card/estimate \\\n  \
         -H 'content-type: application/json' \\\n  \
         -d '{{\"items\": [{{\"operation\": \"{operation}\", \"quantity\": 3}}]}}'"
    )
}
