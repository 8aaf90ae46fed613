//! The e-mail, and how it becomes another one: a part of the server's page of how one signs in.

use leptos::prelude::*;

use crate::backend::form::FormState;
use crate::backend::security::{EmailChangeView, SecurityView};

/// What was done just now about the e-mail, and whether that is good news.
pub fn told(said: &str) -> Option<(bool, &'static str)> {
    match said {
        "email" => Some((
            true,
            "We have written to both addresses: your e-mail changes once the link in each letter is confirmed.",
        )),
        "email-cancelled" => Some((true, "The change is off: your e-mail stays as it is.")),
        _ => None,
    }
}

pub fn card(view: &SecurityView, form: &FormState) -> impl IntoView + use<> {
    let content = match &view.email_change {
        Some(change) if form.error("new_email").is_empty() => pending(&view.email, change),
        _ if view.is_verified => change(form),
        _ => view! {
            <p class="sub">"Verify it first. To use another one, sign up with that."</p>
        }
        .into_any(),
    };
    view! {
        <section class="card" aria-labelledby="email-title">
            <header>
                <h2 id="email-title">"E-mail"</h2>
            </header>
            <p>
                <b class="long">{view.email.clone()}</b>
            </p>
            {content}
        </section>
    }
}

fn change(form: &FormState) -> AnyView {
    let (error, typed) = (form.error("new_email"), form.value("new_email", ""));
    let is_wrong = !error.is_empty();
    let described = if is_wrong { "new_email-error" } else { "new_email-help" };
    let said = if is_wrong {
        view! { <p class="wrong" id="new_email-error">{error}</p> }.into_any()
    } else {
        view! {
            <p class="sub" id="new_email-help">
                "We write to both addresses, and it changes once both have confirmed it. Other devices are signed out then."
            </p>
        }
        .into_any()
    };
    view! {
        <form class="form" method="post" action="/settings/security/email">
            <div class="field">
                <label for="new_email">"New e-mail"</label>
                <input
                    id="new_email"
                    name="new_email"
                    type="email"
                    autocomplete="email"
                    autocapitalize="none"
                    spellcheck="false"
                    required
                    value=typed
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby=described
                />
                {said}
            </div>
            <button class="button primary" type="submit">
                "Change e-mail"
            </button>
        </form>
    }
    .into_any()
}

fn pending(email: &str, change: &EmailChangeView) -> AnyView {
    let EmailChangeView { new_email, until, old_confirmed, new_confirmed } = change.clone();
    let address = |email: String, confirmed: bool| {
        let (class, word) =
            if confirmed { ("mark-word ok", "Confirmed") } else { ("mark-word warn", "Not yet") };
        view! {
            <li>
                <div>
                    <span class="long">{email}</span>
                </div>
                <span class=class>{word}</span>
            </li>
        }
    };
    view! {
        <p class="sub">
            {format!("It becomes {new_email} once the link in the letter to each address is confirmed, until {until}.")}
        </p>
        <ul class="plain-rows">
            {address(email.to_owned(), old_confirmed)} {address(new_email.clone(), new_confirmed)}
        </ul>
        <form method="post" action="/settings/security/email/cancel">
            <button class="button small" type="submit">
                "Cancel the change"
            </button>
        </form>
    }
    .into_any()
}
