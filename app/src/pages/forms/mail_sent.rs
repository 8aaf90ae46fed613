//! Which mail to open, after a form that sends one. The words are the same whether or not the address has an account.

use leptos::prelude::*;

use super::field::{FormFrame, Said};
use crate::ssr::FormView;

/// After signing up.
#[component]
pub fn CheckMail(form: FormView) -> impl IntoView {
    let email = form.value("email");
    let name = form.value("form");
    // The form as it was sent, to correct the address.
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    let back = if is_plain { format!("/sign-up?form={name}") } else { "/sign-up".to_owned() };
    view! {
        <FormFrame title="Check your mail" refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p>
                "We have written to " <b class="address">{email.clone()}</b>
                ". Open that mail and follow its link: it shows that the address is yours, and works for 24 hours."
            </p>
            <p class="sub">"Nothing there after a minute? Look into the spam folder, or have it sent once more."</p>
            <form class="form" method="post" action="/verify-email/again">
                <input type="hidden" name="email" value=email />
                <input type="hidden" name="form" value=name />
                <button class="button" type="submit">
                    "Send again"
                </button>
            </form>
            <ul class="elsewhere sub">
                <li>
                    "Mistyped the address? "
                    <a href=back rel="external">
                        "Correct it"
                    </a>
                </li>
                <li>
                    "Already verified? "
                    <a href="/sign-in" rel="external">
                        "Sign in"
                    </a>
                </li>
            </ul>
        </FormFrame>
    }
}

/// After "forgot your password?".
#[component]
pub fn ResetSent(form: FormView) -> impl IntoView {
    view! {
        <FormFrame title="Check your mail" refused=form.is_refused()>
            <p>
                "If " <b class="address">{form.value("email")}</b>
                " has an account here, we have written to it. The link in that mail lets you choose a new password, and works for one hour."
            </p>
            <p class="sub">"Nothing there after a minute? Look into the spam folder, or ask once more."</p>
            <ul class="elsewhere sub">
                <li>
                    <a href="/forgot-password" rel="external">
                        "Ask for another link"
                    </a>
                </li>
                <li>
                    <a href="/sign-in" rel="external">
                        "Sign in"
                    </a>
                </li>
            </ul>
        </FormFrame>
    }
}
