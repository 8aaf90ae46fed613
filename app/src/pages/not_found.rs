//! The page for paths that lead nowhere.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::public::Public;

#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::ssr::Respond::with_status(404);
    view! {
        <Title text="Page not found · Plexe Console" />
        <Public>
            <h1>"There is no page here"</h1>
            <p class="sub">"The address may be mistyped, or what it led to is gone."</p>
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
