//! What a link about another e-mail leads to: two buttons, since mail scanners open links but press nothing.

use leptos::prelude::*;

use super::field::{FormFrame, Said};
use crate::ssr::FormView;

#[component]
pub fn ChangeEmail(form: FormView) -> impl IntoView {
    let token = form.value("token");
    let button = move |path: &'static str, class: &'static str, label: &'static str| {
        let token = token.clone();
        view! {
            <form class="form" method="post" action=path>
                <input type="hidden" name="token" value=token />
                <button class=class type="submit">
                    {label}
                </button>
            </form>
        }
    };
    let confirm = button("/change-email", "button primary", "Confirm the change");
    let refuse = button("/change-email/refuse", "button", "Refuse it");
    view! {
        <FormFrame title="Change your e-mail" refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p>
                "The e-mail of the account of " <b class="address">{form.value("name")}</b>
                {format!(" ({}) will be ", form.value("user_name"))}
                <b class="address">{form.value("new_email")}</b> " in place of "
                <b class="address">{form.value("email")}</b> ". Both addresses have to confirm it."
            </p>
            {confirm}
            {refuse}
        </FormFrame>
    }
}

#[component]
pub fn EmailChange(form: FormView) -> impl IntoView {
    view! {
        <FormFrame title="Change your e-mail" refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p class="elsewhere sub">
                <a href="/settings/security" rel="external">
                    "To your settings"
                </a>
            </p>
        </FormFrame>
    }
}
