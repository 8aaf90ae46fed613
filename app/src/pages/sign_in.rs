//! Signing in: a plain form, answered by the server, that works before (and without) any script.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::components::public::Public;

/// What the form starts with.
#[derive(Debug, Default, Clone)]
struct Start {
    email: String,
    error: Option<String>,
    next: String,
}

#[component]
pub fn SignIn() -> impl IntoView {
    let Start { email, error, next } = start();
    let invalid = error.as_ref().map(|_| "true");
    let described = error.as_ref().map(|_| "sign-in-error");
    view! {
        <Title text="Sign in · Plexe Console" />
        <Public>
            <h1>"Sign in"</h1>
            <p class="sub">"Your credits, and where they go."</p>
            <form class="form" method="post" action="/sign-in">
                {error
                    .map(|error| view! { <p class="notice bad" id="sign-in-error" role="alert">{error}</p> })}
                <input type="hidden" name="next" value=next />
                <label for="email">"E-mail"</label>
                <input
                    id="email"
                    name="email"
                    type="email"
                    autocomplete="username"
                    required
                    value=email
                    aria-invalid=invalid
                    aria-describedby=described
                />
                <label for="password">"Password"</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    autocomplete="current-password"
                    required
                    aria-invalid=invalid
                    aria-describedby=described
                />
                <button class="button primary" type="submit">
                    "Sign in"
                </button>
            </form>
            <p class="sub hint">
                "No account yet? Whoever runs this console makes one on its command line: "
                <code>"plexe-console user create"</code>
            </p>
        </Public>
    }
}

fn start() -> Start {
    let query = use_query_map();
    let next = query.with_untracked(|query| query.get("next")).unwrap_or_default();
    let start = Start { next, ..Start::default() };
    #[cfg(feature = "ssr")]
    if let Some(form) = use_context::<crate::ssr::SignInForm>() {
        let next = local_path(&form.next.unwrap_or(start.next)).to_owned();
        return Start { email: form.email, error: form.error, next };
    }
    Start { next: local_path(&start.next).to_owned(), ..start }
}

/// `next` when it is a path of this site, else the overview: nobody is sent elsewhere by a crafted link.
pub fn local_path(next: &str) -> &str {
    let mut characters = next.chars();
    let local = characters.next() == Some('/') && !matches!(characters.next(), Some('/' | '\\'));
    if local && !next.chars().any(char::is_control) { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for path in ["/", "/?range=24h", "/receipts/evt_1"] {
            assert_eq!(local_path(path), path);
        }
        for elsewhere in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "evil", "/\t/evil.example"]
        {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
