//! A form whose fields are the query of an address.
//!
//! Without scripts the browser sends it as every GET form. With them a change is followed at once, without loading the
//! page again; what is left empty stays out of the address.

use leptos::prelude::*;
#[cfg(feature = "hydrate")]
use leptos_router::hooks::use_navigate;

/// Its `action` is a page of this site.
#[component]
pub fn QueryForm(
    action: &'static str,
    class: &'static str,
    label: &'static str,
    /// Follow every change; else only when it is sent.
    at_once: bool,
    children: Children,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    let (send, change) = {
        let navigate = use_navigate();
        let follow = move |event: &web_sys::Event| {
            if let Some(address) = browser::address(action, event) {
                navigate(&address, leptos_router::NavigateOptions { scroll: false, ..Default::default() });
            }
        };
        let changed = follow.clone();
        let send = move |event: web_sys::SubmitEvent| {
            event.prevent_default();
            follow(&event);
        };
        let change = move |event: web_sys::Event| {
            if at_once {
                changed(&event);
            }
        };
        (send, change)
    };
    #[cfg(not(feature = "hydrate"))]
    let (send, change) = {
        let _ = at_once;
        (|_| (), |_| ())
    };
    view! {
        <form method="get" action=action class=class aria-label=label on:submit=send on:change=change>
            {children()}
        </form>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use wasm_bindgen::JsCast;
    use web_sys::{Element, Event, FormData, UrlSearchParams};

    /// Where the form that the event happened in leads.
    pub fn address(action: &str, event: &Event) -> Option<String> {
        let form = event.target()?.dyn_into::<Element>().ok()?.closest("form").ok()??;
        let fields = FormData::new_with_form(form.unchecked_ref()).ok()?;
        let query = UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()?;
        let query = String::from(query.to_string());
        let filled: Vec<_> = query.split('&').filter(|pair| !pair.ends_with('=')).collect();
        Some(format!("{action}?{}", filled.join("&")))
    }
}
