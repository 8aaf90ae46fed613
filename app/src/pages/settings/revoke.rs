//! Asks before a key is revoked. The question is in the address (`?revoke=key_…`): a `<dialog>` that stands open without
//! scripts, and is made modal by them.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use super::api_keys::Page;
use crate::api::api_keys::revoke_api_key;
use crate::backend::api_keys::RevocableView;
use crate::components::dynamic::{dynamic, text};
use crate::components::form::{FormError, Sending, Submit, focus};

pub(super) const REVOKED: &str = "The key is revoked.";

/// The dialog, while the address asks for it.
pub(super) fn revoking(page: Page) -> impl IntoView {
    let query = use_query_map();
    let asked = text(move || query.with(|query| query.get("revoke")).unwrap_or_default());
    dynamic(move || {
        let id = asked.get();
        let found = page
            .view
            .with_untracked(|view| view.revocable.iter().find(|key| key.key_id.as_str() == id).cloned());
        found.map(|key| question(key, page))
    })
}

fn question(key: RevocableView, page: Page) -> impl IntoView {
    let sending = Sending::new(Vec::new());
    let navigate = use_navigate();
    let back = move |_| {
        let path = format!("/settings/api-keys?show={}", page.show.get_untracked());
        navigate(&path, NavigateOptions { scroll: false, ..NavigateOptions::default() });
    };
    #[cfg(feature = "hydrate")]
    Effect::new(browser::make_modal);
    view! {
        <dialog
            open
            class="ask"
            id="revoke"
            aria-labelledby="revoke-title"
            aria-describedby="revoke-what"
            on:close=back
        >
            <h2 id="revoke-title">{format!("Revoke “{}”?", key.name)}</h2>
            <div id="revoke-what">
                <p>
                    "Programs that use " <code>{key.label}</code>
                    " are refused from their next request on. This can't be undone."
                </p>
                <p class="sub">{key.use_of_it}</p>
            </div>
            <FormError error=sending.error("") />
            <div class="ways">
                <form method="dialog">
                    <button class="button" type="submit">
                        "Keep it"
                    </button>
                </form>
                <form
                    method="post"
                    action="/settings/api-keys/revoke"
                    on:submit=move |event| revoke(&event, sending, page)
                >
                    <input type="hidden" name="key_id" value=key.key_id.to_string() />
                    <Submit label="Revoke key" class="button danger" busy=sending.busy />
                </form>
            </div>
        </dialog>
    }
}

fn revoke(event: &SubmitEvent, sending: Sending, page: Page) {
    sending.send(event, move |field| {
        let call = revoke_api_key(field("key_id"));
        Box::pin(async move {
            call.await?;
            page.said.try_set(REVOKED.to_owned());
            page.refresh();
            #[cfg(feature = "hydrate")]
            browser::close();
            focus("keys-title");
            Ok(())
        })
    });
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlDialogElement;

    fn dialog() -> Option<HtmlDialogElement> {
        document().get_element_by_id("revoke")?.dyn_into().ok()
    }

    /// What stood open becomes modal: the page behind it rests, Escape closes, focus comes back.
    pub fn make_modal() {
        if let Some(dialog) = dialog() {
            dialog.set_open(false);
            // Fails only for a dialog that has just left the page.
            dialog.show_modal().ok();
        }
    }

    pub fn close() {
        if let Some(dialog) = dialog() {
            dialog.close();
        }
    }
}
