//! The second step of signing in: a code of the authenticator app.

use leptos::prelude::*;

use super::field::{Field, FormFrame, Said};
use crate::ssr::FormView;

/// Never shown again: a code counts once.
pub(super) const CODE: Field =
    Field { name: "code", label: "Code", kind: "text", autocomplete: "one-time-code", hint: "" };

#[component]
pub fn SecondStep(form: FormView) -> impl IntoView {
    let code = Field { hint: "Six digits; or a recovery code, if you have lost the app.", ..CODE };
    view! {
        <FormFrame title="Second step" refused=form.is_refused()>
            <p class="sub">"Your authenticator app shows a code for Plexe Console."</p>
            <Said error=form.error.clone() notice=form.notice.clone() />
            <form class="form" method="post" action="/second-step">
                {code.show(&form)}
                <button class="button primary" type="submit">
                    "Sign in"
                </button>
            </form>
            <p class="elsewhere sub">
                <a href="/sign-in" rel="external">
                    "Sign in as somebody else"
                </a>
            </p>
        </FormFrame>
    }
}
