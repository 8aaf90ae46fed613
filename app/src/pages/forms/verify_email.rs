//! What a verification link leads to: one button, since mail scanners open links but press nothing.

use leptos::prelude::*;

use super::field::{EMAIL, FormFrame, Said};
use crate::ssr::FormView;

#[component]
pub fn VerifyEmail(form: FormView) -> impl IntoView {
    view! {
        <FormFrame title="Verify your e-mail" refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p>
                <b class="address">{form.value("email")}</b> " will belong to the account of "
                <b class="address">{form.value("name")}</b>
                {format!(" ({}). If you did not sign up, close this page.", form.value("user_name"))}
            </p>
            <form class="form" method="post" action="/verify-email">
                <input type="hidden" name="token" value=form.value("token") />
                <button class="button primary" type="submit">
                    "Verify this e-mail"
                </button>
            </form>
        </FormFrame>
    }
}

/// For those whose link opens nothing, or never came.
#[component]
pub fn SendAgain(form: FormView) -> impl IntoView {
    view! {
        <FormFrame title="Verify your e-mail" refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p class="sub">"We send you a link that shows that the address is yours. It works once, for 24 hours."</p>
            <form class="form" method="post" action="/verify-email/again">
                <input type="hidden" name="token" value=form.value("token") />
                {EMAIL.show(&form)}
                <button class="button primary" type="submit">
                    "Send again"
                </button>
            </form>
            <p class="elsewhere sub">
                "Already verified? "
                <a href="/sign-in" rel="external">
                    "Sign in"
                </a>
            </p>
        </FormFrame>
    }
}
