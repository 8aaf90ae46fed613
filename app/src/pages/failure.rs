//! What a browser shows when the server could not make the page that was asked for.

use leptos::prelude::*;

use crate::components::public::Public;

/// Says what is known, and no more than a stranger may know.
#[component]
pub fn Failure(
    status: u16,
    /// Public and whole, as errors print themselves.
    sentence: String,
    /// What the log calls it.
    incident: String,
) -> impl IntoView {
    let ours = status >= 500;
    view! {
        <Public>
            <h1>{title(status)}</h1>
            <p class="sub">{sentence}</p>
            {ours
                .then(|| {
                    view! {
                        <p class="sub">
                            "If it happens again, tell whoever runs this console the incident "
                            <code>{incident}</code> "."
                        </p>
                    }
                })}
            <p class="ways">
                <a class="button primary" href="/" rel="external">
                    "Go to your overview"
                </a>
                <a class="button" href="/pricing" rel="external">
                    "See pricing"
                </a>
            </p>
        </Public>
    }
}

/// What happened, in a few words.
pub const fn title(status: u16) -> &'static str {
    match status {
        503 => "The server is busy",
        500.. => "This page could not be made",
        404 => "There is no page here",
        _ => "This cannot be done here",
    }
}
