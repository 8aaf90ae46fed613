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
    let copied = RwSignal::new(false);
    let code = text.clone();
    view! {
        <div class="copy">
            <pre tabindex="0">
                <code>{code}</code>
            </pre>
            <button
                type="button"
                class="button small needs-script"
                on:click=move |_| copy(&text, copied)
            >
                {follow(move || if copied.get() { "Copied" } else { "Copy" }.to_owned())}
                <span class="hidden">" "{label}</span>
            </button>
        </div>
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
