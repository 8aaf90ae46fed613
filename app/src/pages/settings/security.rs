//! `/settings/security`: how one signs in.
//!
//! Nothing here changes while one looks at it, so the server makes it, forms and all (`http/settings/security.rs`), and the wasm
//! leaves it as it is: no part of it is compiled for the browser.

use leptos::prelude::*;

use super::head;
use crate::components::served::served_content;

#[component]
pub fn SecurityPage() -> impl IntoView {
    view! { {head("Security")} {served_content()} }
}

#[cfg(feature = "ssr")]
pub use content::content;

#[cfg(feature = "ssr")]
mod content {
    use leptos::prelude::*;

    use crate::backend::form::FormState;
    use crate::backend::security::{ProviderView, SecurityView, WayView};
    use crate::pages::settings::{access_log, email, passkeys, second_factor, sessions};

    /// The page's content as HTML.
    pub fn content(view: &SecurityView, form: &FormState, (said, script): (&str, &str)) -> String {
        let ways = ways(view);
        view! {
            {told(said)}
            <div class="settings">
                <div class="key-forms">
                    {ways} {passkeys::card(&view.passkeys, view.is_verified, script)}
                    {second_factor::card(&view.second_factor, view.is_verified)}
                </div>
                {password(view, form)}
            </div>
            {email::card(view, form)}
            {sessions::card(&view.sessions)}
            {access_log::beside(&view.accesses)}
        }
        .to_html()
    }

    /// What was done just now, or why it was not.
    fn told(said: &str) -> Option<impl IntoView + use<>> {
        let (is_good, sentence) = match said {
            "linked" => (true, "It is linked: you can sign in with it from now on."),
            "before" => (true, "It was linked already."),
            "unlinked" => (true, "It is unlinked, and signs you in no more."),
            "password" => (true, "Your password is changed, and you are signed out everywhere else."),
            "confirmed" => (true, "Thank you. For the next minutes you can change how you sign in."),
            "link" => (true, "Now link the account that you came with: both lead here then."),
            "last" => {
                (false, "It is your only way in, so it stays: set a password or link another one first.")
            }
            "gone" => (false, "It is not linked any more."),
            _ => sessions::told(said)
                .or_else(|| email::told(said))
                .or_else(|| second_factor::told(said))
                .or_else(|| passkeys::told(said))?,
        };
        let (class, role) = if is_good { ("notice ok", "status") } else { ("notice bad", "alert") };
        Some(view! {
            <p class=class role=role>
                {sentence}
            </p>
        })
    }

    fn ways(view: &SecurityView) -> impl IntoView + use<> {
        let password = view.has_password.then(|| {
            view! {
                <li>
                    <div>
                        <b>"Password"</b>
                        <p class="sub long">{format!("With your e-mail, {}", view.email)}</p>
                    </div>
                </li>
            }
        });
        view! {
            <section class="card" aria-labelledby="ways-title">
                <header>
                    <h2 id="ways-title">"Ways to sign in"</h2>
                </header>
                <ul class="ways-in">{password} {view.ways.iter().map(linked).collect_view()}</ul>
                {link(view)}
            </section>
        }
    }

    fn linked(way: &WayView) -> impl IntoView + use<> {
        let WayView { provider, label, since, last_used, issuer, subject, is_last, lets_in } = way.clone();
        let used = last_used.map_or("not used yet".to_owned(), |used| format!("last used {used}"));
        let button_label = format!("Unlink {provider}, {label}");
        let act = if is_last {
            view! { <p class="sub">"Your only way in"</p> }.into_any()
        } else {
            view! {
                <form method="post" action="/settings/security/unlink">
                    <input type="hidden" name="issuer" value=issuer />
                    <input type="hidden" name="subject" value=subject />
                    <button class="button small" type="submit" aria-label=button_label>
                        "Unlink"
                    </button>
                </form>
            }
            .into_any()
        };
        view! {
            <li>
                <div>
                    <b>{provider}</b>
                    <p class="sub long">{label}</p>
                    <p class="sub">{format!("Linked {since}, {used}")}</p>
                    {(!lets_in).then(|| view! { <p class="sub">"This console does not offer it any more."</p> })}
                </div>
                {act}
            </li>
        }
    }

    /// What could be linked as well.
    fn link(view: &SecurityView) -> Option<AnyView> {
        if view.others.is_empty() {
            return None;
        }
        if !view.is_verified {
            let sentence = "Once your e-mail is verified you can link other ways to sign in.";
            return Some(view! { <p class="sub hint">{sentence}</p> }.into_any());
        }
        let button = |ProviderView { id, name }: &ProviderView| {
            let path = format!("/settings/security/link/{id}");
            view! {
                <a class="button small" href=path rel="external">
                    {format!("Link {name}")}
                </a>
            }
        };
        let buttons = view.others.iter().map(button).collect_view();
        Some(view! { <div class="ways hint">{buttons}</div> }.into_any())
    }

    fn password(view: &SecurityView, form: &FormState) -> impl IntoView + use<> {
        let content = if view.has_password { change(&view.email, form) } else { none().into_any() };
        view! {
            <section class="card" aria-labelledby="password-title">
                <header>
                    <h2 id="password-title">"Password"</h2>
                </header>
                {content}
            </section>
        }
    }

    fn none() -> impl IntoView {
        view! {
            <p>"You have none yet. With one you can also sign in by your e-mail."</p>
            <p class="ways">
                <a class="button small" href="/forgot-password" rel="external">
                    "Set a password by mail"
                </a>
            </p>
        }
    }

    fn change(email: &str, form: &FormState) -> AnyView {
        let error = form.error("");
        let fields = [
            ("current", "Current password", "current-password", ""),
            (
                "password",
                "New password",
                "new-password",
                "At least 8 characters. A few words that nobody would put together are good.",
            ),
        ];
        let fields = fields.map(|(name, label, autocomplete, hint)| {
            field((name, label, autocomplete, hint), form.error(name))
        });
        view! {
            <p class="sub">"All other devices are signed out, and a mail tells you."</p>
            <form class="form" method="post" action="/settings/security">
                {(!error.is_empty()).then(|| view! { <p class="notice bad" role="alert">{error}</p> })}
                // For password managers: whose password it is.
                <input type="text" name="email" autocomplete="username" value=email.to_owned() readonly hidden />
                {fields.into_iter().collect_view()}
                <button class="button primary" type="submit">
                    "Change password"
                </button>
            </form>
        }
        .into_any()
    }

    fn field(
        (name, label, autocomplete, hint): (&'static str, &'static str, &'static str, &'static str),
        error: String,
    ) -> impl IntoView {
        let is_wrong = !error.is_empty();
        let described = match (is_wrong, hint.is_empty()) {
            (true, _) => Some(format!("{name}-error")),
            (false, false) => Some(format!("{name}-help")),
            (false, true) => None,
        };
        view! {
            <div class="field">
                <label for=name>{label}</label>
                <input
                    id=name
                    name=name
                    type="password"
                    autocomplete=autocomplete
                    required
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby=described
                />
                {is_wrong.then(|| view! { <p class="wrong" id=format!("{name}-error")>{error}</p> })}
                {(!is_wrong && !hint.is_empty())
                    .then(|| view! { <p class="sub" id=format!("{name}-help")>{hint}</p> })}
            </div>
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::backend::security::{PasskeysView, SecondFactorView};

        fn way(is_last: bool) -> WayView {
            let text = |text: &str| text.to_owned();
            WayView {
                provider: text("Acme"),
                label: text("<script>alert(1)</script>"),
                since: text("22 Nov 2026"),
                last_used: None,
                issuer: text("https://id.example.com"),
                subject: text("\"><script>"),
                is_last,
                lets_in: true,
            }
        }

        fn shown(ways: Vec<WayView>, has_password: bool) -> String {
            let others = vec![ProviderView { id: "acme".to_owned(), name: "Acme".to_owned() }];
            let email = "ada@example.com".to_owned();
            let (sessions, accesses) = (vec![], vec![]);
            let email_change = None;
            let view = SecurityView {
                email,
                is_verified: true,
                has_password,
                ways,
                others,
                email_change,
                sessions,
                accesses,
                passkeys: PasskeysView::default(),
                second_factor: SecondFactorView::default(),
            };
            content(&view, &FormState::default(), ("", "/pkg/passkeys.js"))
        }

        #[test]
        fn what_others_have_chosen_is_text() {
            let html = shown(vec![way(false)], true);
            assert!(!html.contains("<script>") && html.contains("&lt;script&gt;alert(1)"), "{html}");
            assert!(html.contains("Unlink") && html.contains("Link Acme"), "{html}");
        }

        #[test]
        fn the_last_way_in_has_no_button() {
            let html = shown(vec![way(true)], false);
            assert!(
                html.contains("Your only way in") && !html.contains("/settings/security/unlink"),
                "{html}"
            );
            assert!(html.contains("/forgot-password") && !html.contains("Current password"), "{html}");
        }
    }
}
