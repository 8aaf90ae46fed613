//! The frame of pages that anybody may see.

use leptos::prelude::*;

/// The mark and the name of the product.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <svg class="mark" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
            <rect width="22" height="22" rx="6" />
            <path d="M6 15V7h5.2a3 3 0 0 1 0 6H9" />
        </svg>
        <b>"Plexe"</b>
        <span class="product">"Console"</span>
    }
}

/// One card in the middle of the page.
#[component]
pub fn Public(children: Children) -> impl IntoView {
    view! {
        <div class="public">
            <header class="brand">
                <Brand />
            </header>
            <main class="card">{children()}</main>
        </div>
    }
}
