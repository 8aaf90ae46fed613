//! Signing in.

use leptos::prelude::*;

use super::field::{EMAIL, Field, FormFrame, Said};
use super::local_path;
use super::passkey::passkey;
use super::ways::ways;
use crate::ssr::FormView;

pub(super) const PASSWORD: Field = Field {
    name: "password",
    label: "Password",
    kind: "password",
    autocomplete: "current-password",
    hint: "",
};

#[component]
pub fn SignIn(form: FormView) -> impl IntoView {
    let next = local_path(&form.value("next")).to_owned();
    view! {
        <FormFrame title="Sign in" refused=form.is_refused()>
            <p class="sub">"Your credits, and where they go."</p>
            <Said error=form.error.clone() notice=form.notice.clone() />
            {ways(&form, "Continue with", false)}
            <form class="form" method="post" action="/sign-in">
                <input type="hidden" name="next" value=next />
                {EMAIL.show(&form)}
                {PASSWORD.show(&form)}
                <button class="button primary" type="submit">
                    "Sign in"
                </button>
            </form>
            {passkey(&form, "/passkeys/sign-in", "sign_in", "Use a passkey")}
            <ul class="elsewhere sub">
                <li>
                    <a href="/forgot-password" rel="external">
                        "Forgot your password?"
                    </a>
                </li>
                <li>
                    "No account yet? "
                    <a href="/sign-up" rel="external">
                        "Sign up"
                    </a>
                </li>
            </ul>
        </FormFrame>
    }
}
