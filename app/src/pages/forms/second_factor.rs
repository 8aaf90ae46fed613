//! An authenticator app is set up: what it scans, and what opens in its place when it is lost.

use leptos::prelude::*;

use super::field::{Field, FormFrame, Said};
use super::second_step::CODE;
use crate::ssr::FormView;

#[component]
pub fn SetUp(form: FormView) -> impl IntoView {
    let code = Field { label: "Code that the app shows", ..CODE };
    view! {
        <FormFrame title="Set up an authenticator app" refused=form.is_refused()>
            <p class="sub">
                "Scan this with an app such as Aegis, 1Password or Google Authenticator, then type the code that it shows."
            </p>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <div class="qr-ground" inner_html=form.value("qr")></div>
            <p class="sub">"Can't scan it? Type this into the app (time-based, six digits):"</p>
            <p>
                <code class="spelled">{form.value("secret")}</code>
            </p>
            <form class="form" method="post" action="/settings/security/second-step">
                {code.show(&form)}
                <button class="button primary" type="submit">
                    "Turn it on"
                </button>
            </form>
            <p class="elsewhere sub">
                <a href="/settings/security" rel="external">
                    "Leave it as it is"
                </a>
            </p>
        </FormFrame>
    }
}

#[component]
pub fn RecoveryCodes(form: FormView) -> impl IntoView {
    let codes = form.value("codes");
    let codes: Vec<String> = codes.split(' ').map(str::to_owned).collect();
    view! {
        <FormFrame title="Your recovery codes" refused=form.is_refused()>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <p>
                "If your phone is lost, each of these signs you in once in place of its code. They are shown this one time: print "
                "them, or keep them in a password manager."
            </p>
            <ul class="recovery-codes">
                {codes
                    .into_iter()
                    .map(|code| {
                        view! {
                            <li>
                                <code>{code}</code>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
            <p class="ways">
                <a class="button primary" href="/settings/security" rel="external">
                    "I have kept them"
                </a>
            </p>
        </FormFrame>
    }
}
