//! Text to be taken elsewhere.

use leptos::prelude::*;

use super::dynamic::text as follow;

/// A block of code with a button that copies it; the button waits for scripts.
#[component]
pub fn CopyBlock(
    /// What is in it, to name the button: `the request`.
    label: &'static str,
    #[prop(into)] text: String,
) -> impl IntoView {
    let code = text.clone();
    view! {
        <div class="copy">
            <pre tabindex="0">
                <code>{code}</code>
            </pre>
            <CopyButton label text />
        </div>
    }
}

/// A short code in a line of its own, with the same button.
#[component]
pub fn CopyLine(
    /// What it is, to name the button: `the user ID`.
    label: &'static str,
    #[prop(into)] text: String,
) -> impl IntoView {
    let code = text.clone();
    view! {
        <div class="copy-line">
            <code>{code}</code>
            <CopyButton label text />
        </div>
    }
}

#[component]
fn CopyButton(label: &'static str, text: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    view! {
        <button type="button" class="button small needs-script" on:click=move |_| copy(&text, copied)>
            {follow(move || if copied.get() { "Copied" } else { "Copy" }.to_owned())}
            <span class="hidden">" "{label}</span>
        </button>
    }
}

#[cfg(feature = "hydrate")]
fn copy(text: &str, copied: RwSignal<bool>) {
    use std::time::Duration;

    let written = window().navigator().clipboard().write_text(text);
    leptos::task::spawn_local(async move {
        if wasm_bindgen_futures::JsFuture::from(written).await.is_ok() {
            copied.set(true);
            set_timeout(move || copied.set(false), Duration::from_secs(2));
        }
    });
}

#[cfg(not(feature = "hydrate"))]
fn copy(_text: &str, _copied: RwSignal<bool>) {}
