//! What an account without any activity shows instead: how the first event gets here.

use leptos::prelude::*;

use super::copy::CopyBlock;
use super::frame::Me;
use crate::backend::overview::OverviewView;
use crate::backend::session::Viewer;

/// What the reader does in the browser first, then a request that works as it stands but for the secret, then what a
/// service does. Only the last one moves this page.
#[component]
pub fn FirstSteps<'a>(view: &'a OverviewView) -> impl IntoView + use<> {
    let Me(viewer) = expect_context();
    let viewer = viewer.get_untracked();
    let needs_credits = view.balance.available.is_zero();
    let email = viewer.as_ref().map(|viewer| viewer.email.as_str()).unwrap_or_default();
    let grant =
        format!("plexe-console grant --email {email} --credits 100 --kind promo --reason \"first credits\"");
    let current = format!("curl {}/usage/current \\\n  -H \"x-api-key: plx_sk_…\"", view.base_url);
    let event = viewer.as_ref().map(|viewer| request(&view.base_url, viewer)).unwrap_or_default();
    let key = view.own_key.clone();
    view! {
        <section class="card first" aria-labelledby="first-title">
            <header>
                <h2 id="first-title">"Nothing has been charged yet"</h2>
            </header>
            <p class="sub">
                "The platform's services report what they do for you, and it appears here within a second."
            </p>
            <ol>
                <li>{key_step(key)}</li>
                <li>
                    <p>"Ask with it what you can spend:"</p>
                    <CopyBlock label="the request" text=current />
                </li>
                {needs_credits
                    .then(|| {
                        view! {
                            <li>
                                <p>"Get credits. Whoever runs this console puts them into the account with:"</p>
                                <CopyBlock label="the command" text=grant />
                            </li>
                        }
                    })}
                <li>
                    <p>
                        "Let a service charge something, and watch this page. Its key is made where this console runs, and shown once:"
                    </p>
                    <CopyBlock label="the command" text="plexe-console service-key create --name first-steps" />
                    <p>"With it the service reports what it did for you:"</p>
                    <CopyBlock label="the event" text=event />
                </li>
            </ol>
        </section>
    }
}

fn key_step(key: Option<String>) -> AnyView {
    match key {
        Some(key) => view! {
            <p>
                "You have made a key: " <code>{key}</code> ". "
                <a href="/settings/api-keys">"Your keys"</a>
            </p>
        }
        .into_any(),
        None => view! {
            <p>"Make a key of your own. Its secret is shown once:"</p>
            <a class="button primary" href="/settings/api-keys">
                "Make a key"
            </a>
        }
        .into_any(),
    }
}

fn request(base_url: &str, viewer: &Viewer) -> String {
    let user_id = viewer.user_id;
    format!(
        "curl {base_url}/usage/events \\\n  \
         -H 'authorization: Bearer plx_svc_…' \\\n  \
         -H 'content-type: application/json' \\\n  \
         -d '{{\"id\": \"first-1\", \"source\": \"first-steps\", \"user_id\": \"{user_id}\",\n       \
         \"operation\": \"model.inference\", \"quantity\": 2.5}}'"
    )
}
