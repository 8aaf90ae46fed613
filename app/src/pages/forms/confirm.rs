//! Before something sensitive: is it still them?

use leptos::prelude::*;

use super::field::{Field, FormFrame, Said};
use super::passkey::passkey;
use super::second_step::CODE;
use super::ways::ways;
use super::{local_path, sign_in};
use crate::ssr::FormView;

#[component]
pub fn Confirm(form: FormView) -> impl IntoView {
    let next = local_path(&form.value("next")).to_owned();
    let email = form.value("email");
    let has_password = !form.value("has_password").is_empty();
    let has_app = !form.value("has_app").is_empty();
    let ways = ways(&form, "Confirm with", !has_password && !has_app);
    let is_stuck = ways.is_none() && !has_password && !has_app && form.value("passkeys").is_empty();
    view! {
        <FormFrame title="Confirm that it is you" refused=form.is_refused()>
            <p class="sub">
                "You are signed in as " <b class="address">{email.clone()}</b>
                ". What comes next changes who can sign in, and some time has passed since you did."
            </p>
            <Said error=form.error.clone() notice=form.notice.clone() />
            {ways}
            {has_password
                .then(|| {
                    view! {
                        <form class="form" method="post" action="/confirm">
                            <input type="hidden" name="next" value=next.clone() />
                            // For password managers: whose password it is.
                            <input type="text" autocomplete="username" value=email readonly hidden />
                            {Field { ..sign_in::PASSWORD }.show(&form)}
                            <button class="button primary" type="submit">
                                "Confirm"
                            </button>
                        </form>
                    }
                })}
            {(has_password && has_app).then(|| view! { <p class="or sub">"or"</p> })}
            {has_app
                .then(|| {
                    view! {
                        <form class="form" method="post" action="/confirm">
                            <input type="hidden" name="next" value=next />
                            {Field { label: "Code of your app, or a recovery code", ..CODE }.show(&form)}
                            <button class="button" type="submit">
                                "Confirm with the code"
                            </button>
                        </form>
                    }
                })}
            {passkey(&form, "/passkeys/confirm", "confirm", "Use a passkey")}
            {is_stuck
                .then(|| {
                    view! {
                        <p>
                            "You have no password. "
                            <a href="/forgot-password" rel="external">
                                "Set one by mail"
                            </a> " and sign in with it."
                        </p>
                    }
                })}
            <p class="elsewhere sub">
                <a href="/settings/security" rel="external">
                    "Back to your settings"
                </a>
            </p>
        </FormFrame>
    }
}
