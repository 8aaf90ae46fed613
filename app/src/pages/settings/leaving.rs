//! `/settings/account/data`: all of one's data as an archive, and the end of an account. The server alone makes it.

use leptos::prelude::*;

use crate::backend::form::FormState;
use crate::backend::leaving::LeavingView;

/// The page's content as HTML.
pub fn content(view: &LeavingView, form: &FormState, said: &str) -> String {
    let content = match &view.closes {
        Some(closes) => closing(closes).into_any(),
        None => deletion(view, form).into_any(),
    };
    view! {
        <p class="elsewhere sub">
            <a href="/settings/account" rel="external">
                "Back to Account"
            </a>
        </p>
        {(said == "kept").then(|| view! { <p class="notice ok" role="status">"Your account stays as it was."</p> })}
        <div class="settings">{export(form)} {content}</div>
    }
    .to_html()
}

fn export(form: &FormState) -> impl IntoView + use<> {
    let error = form.error("");
    view! {
        <section class="card" aria-labelledby="export-title">
            <header>
                <h2 id="export-title">"Take your data along"</h2>
            </header>
            {(!error.is_empty()).then(|| view! { <p class="notice bad" role="alert">{error}</p> })}
            <p>
                "One archive (zip) with your profile, API keys without their secrets, sessions, access log, linked providers, credits, books and events, as JSON and CSV."
            </p>
            <form class="form" method="post" action="/settings/account/export">
                <button class="button primary" type="submit">
                    "Download the archive"
                </button>
            </form>
        </section>
    }
}

fn deletion(view: &LeavingView, form: &FormState) -> impl IntoView + use<> {
    let (error, typed) = (form.error("email"), form.value("email", ""));
    let is_wrong = !error.is_empty();
    let kept = format!(
        "At once your API keys stop and all other devices are signed out. For {} you can sign in and keep the account. Then who you are is erased, and what services said about your events; numbers in the books stay, without a name. Credits that are left are lost.",
        if view.grace_days == 1 { "a day".to_owned() } else { format!("{} days", view.grace_days) }
    );
    view! {
        <section class="card" aria-labelledby="delete-title">
            <header>
                <h2 id="delete-title">"Delete the account"</h2>
            </header>
            <p>{kept}</p>
            <form class="form" method="post" action="/settings/account/delete">
                <div class="field">
                    <label for="email">"Type your e-mail to show that you mean it"</label>
                    <input
                        id="email"
                        name="email"
                        type="email"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        required
                        value=typed
                        aria-invalid=is_wrong.then_some("true")
                        aria-describedby=is_wrong.then_some("email-error")
                    />
                    {is_wrong.then(|| view! { <p class="wrong" id="email-error">{error}</p> })}
                </div>
                <button class="button danger" type="submit">
                    "Delete my account"
                </button>
            </form>
        </section>
    }
}

fn closing(closes: &str) -> impl IntoView + use<> {
    view! {
        <section class="card" aria-labelledby="delete-title">
            <header>
                <h2 id="delete-title">"This account is being deleted"</h2>
            </header>
            <p class="notice bad" role="alert">
                {format!("It is erased on {closes}. Until then its API keys don't work and nothing can be spent.")}
            </p>
            <form class="form" method="post" action="/settings/account/keep">
                <button class="button primary" type="submit">
                    "Keep my account"
                </button>
            </form>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_deleted_or_kept() {
        let open = LeavingView { closes: None, grace_days: 30 };
        let html = content(&open, &FormState::default(), "");
        assert!(html.contains("/settings/account/delete") && html.contains("For 30 days"), "{html}");
        let closed = LeavingView { closes: Some("22 December 2026".to_owned()), ..open };
        let html = content(&closed, &FormState::default(), "");
        assert!(html.contains("/settings/account/keep") && html.contains("22 December 2026"), "{html}");
        assert!(
            !html.contains("/settings/account/delete") && html.contains("/settings/account/export"),
            "{html}"
        );
    }

    #[test]
    fn what_was_typed_is_text() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let form = FormState {
            typed: vec![pair("email", "\"><script>")],
            errors: vec![pair("email", "E-mail must be the one of this account.")],
        };
        let html = content(&LeavingView { closes: None, grace_days: 1 }, &form, "");
        assert!(!html.contains("<script>") && html.contains("E-mail must be"), "{html}");
    }
}
