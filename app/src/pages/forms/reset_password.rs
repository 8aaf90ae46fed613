//! A forgotten password: asking for a link, and choosing another password with it.

use leptos::prelude::*;

use super::field::{EMAIL, Field, FormFrame, NEW_PASSWORD, Said};
use crate::ssr::FormView;

#[component]
pub fn ForgotPassword(form: FormView) -> impl IntoView {
    view! {
        <FormFrame title="Choose a new password" refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p class="sub">"We send you a link with which you choose a new one. It works once, for an hour."</p>
            <form class="form" method="post" action="/forgot-password">
                {EMAIL.show(&form)}
                <button class="button primary" type="submit">
                    "Send the link"
                </button>
            </form>
            <p class="elsewhere sub">
                "You remember it? "
                <a href="/sign-in" rel="external">
                    "Sign in"
                </a>
            </p>
        </FormFrame>
    }
}

#[component]
pub fn ResetPassword(form: FormView) -> impl IntoView {
    let email = form.value("email");
    view! {
        <FormFrame title="Choose a new password" refused=form.is_refused()>
            <p class="sub">"For " <b class="address">{email.clone()}</b> ". All devices are signed out."</p>
            <form class="form" method="post" action="/reset-password">
                <Said error=form.error.clone() notice=form.notice.clone() />
                <input type="hidden" name="token" value=form.value("token") />
                // For password managers: whose password it is.
                <input type="text" autocomplete="username" value=email readonly hidden />
                {Field { label: "New password", ..NEW_PASSWORD }.show(&form)}
                <button class="button primary" type="submit">
                    "Set the password"
                </button>
            </form>
        </FormFrame>
    }
}
