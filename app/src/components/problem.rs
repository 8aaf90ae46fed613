//! What stands where data should be when there is none to show.

use leptos::prelude::*;

/// What happened, and a way to try again that needs no scripts.
#[component]
pub fn Problem(
    /// Public and whole, as errors print themselves.
    sentence: String,
) -> impl IntoView {
    view! {
        <section class="card problem" role="alert">
            <h2>"This page could not be loaded"</h2>
            <p class="sub">{sentence}</p>
            <p>
                <a class="button" href="" rel="external">
                    "Try again"
                </a>
            </p>
        </section>
    }
}
