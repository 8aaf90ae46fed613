//! Somebody came back from a provider, and nobody was signed in or nothing linked: why, and what to do.

use leptos::prelude::*;

use super::field::{FormFrame, Said};
use crate::ssr::FormView;

#[component]
pub fn RoundFailed(form: FormView) -> impl IntoView {
    let is_here = !form.value("settings").is_empty();
    let title = if is_here { "That did not work" } else { "You are not signed in" };
    let (path, label) = if is_here {
        ("/settings/security", "Back to your settings")
    } else {
        ("/sign-in", "To the sign-in page")
    };
    view! {
        <FormFrame title refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p class="ways">
                <a class="button primary" href=path rel="external">
                    {label}
                </a>
            </p>
        </FormFrame>
    }
}
