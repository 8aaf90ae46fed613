//! Signing up.

use leptos::nonce::use_nonce;
use leptos::prelude::*;

use super::field::{EMAIL, Field, FormFrame, NEW_PASSWORD, Said};
use super::ways::ways;
use crate::ssr::FormView;

/// Puts the browser's zone into the form, and into the links to providers. Without scripts it stays what it is: UTC.
const ZONE: &str = "try{const z=Intl.DateTimeFormat().resolvedOptions().timeZone;if(z){\
    document.getElementById('time-zone').value=z;\
    for(const a of document.querySelectorAll('.providers a'))a.search='?time_zone='+encodeURIComponent(z)}}catch{}";

const NAME: Field = Field { name: "name", label: "Name", kind: "text", autocomplete: "name", hint: "" };

const USER_NAME: Field = Field {
    name: "user_name",
    label: "Username",
    kind: "text",
    autocomplete: "nickname",
    hint: "Short and public, such as ada: letters a to z, digits, dots, hyphens and underscores.",
};

/// What signing up brings, by the console's own settings.
fn promise(form: &FormView) -> String {
    match (form.value("credits").as_str(), form.value("days").as_str()) {
        ("" | "0", _) => "See what your models cost, while they run.".to_owned(),
        (credits, "1") => format!("{credits} free credits for one day, once your e-mail is verified."),
        (credits, days) => format!("{credits} free credits for {days} days, once your e-mail is verified."),
    }
}

#[component]
pub fn SignUp(form: FormView) -> impl IntoView {
    view! {
        <FormFrame title="Sign up" refused=form.is_refused()>
            <p class="sub">{promise(&form)}</p>
            <Said error=form.error.clone() notice=form.notice.clone() />
            {ways(&form, "Continue with", false)}
            <form class="form" method="post" action="/sign-up">
                // Names this form: sent twice, it is still one account.
                <input type="hidden" name="form" value=form.value("form") />
                <input type="hidden" name="time_zone" id="time-zone" value=form.value("time_zone") />
                <script nonce=use_nonce()>{ZONE}</script>
                {NAME.show(&form)}
                {USER_NAME.show(&form)}
                {EMAIL.show(&form)}
                {NEW_PASSWORD.show(&form)}
                <button class="button primary" type="submit">
                    "Sign up"
                </button>
            </form>
            <p class="elsewhere sub">
                "You have an account? "
                <a href="/sign-in" rel="external">
                    "Sign in"
                </a>
            </p>
        </FormFrame>
    }
}
