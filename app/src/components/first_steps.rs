//! What an account without any activity shows instead: how the first event gets here.

use leptos::prelude::*;

use super::copy::CopyBlock;
use super::frame::Me;
use crate::backend::overview::OverviewView;
use crate::backend::session::Viewer;

/// Commands that work for this reader as they stand, but for the secret key.
#[component]
pub fn FirstSteps<'a>(view: &'a OverviewView) -> impl IntoView + use<> {
    let Me(viewer) = expect_context();
    let viewer = viewer.get_untracked();
    let needs_credits = view.balance.available.is_zero();
    let email = viewer.as_ref().map(|viewer| viewer.email.as_str()).unwrap_or_default();
    let grant =
        format!("plexe-console grant --email {email} --credits 100 --kind promo --reason \"first credits\"");
    let request = viewer.as_ref().map(|viewer| request(&view.base_url, viewer)).unwrap_or_default();
    view! {
        <section class="card first" aria-labelledby="first-title">
            <header>
                <h2 id="first-title">"Nothing has been charged yet"</h2>
            </header>
            <p class="sub">
                "Your platform's services report what they do, and it appears here within a second. The commands run where this console runs."
            </p>
            <ol>
                {needs_credits
                    .then(|| {
                        view! {
                            <li>
                                <p>"Put credits into the account:"</p>
                                <CopyBlock label="the command" text=grant />
                            </li>
                        }
                    })}
                <li>
                    <p>"Make a key for a service. It is shown once:"</p>
                    <CopyBlock label="the command" text="plexe-console service-key create --name first-steps" />
                </li>
                <li>
                    <p>"Report an event with it, and watch this page:"</p>
                    <CopyBlock label="the request" text=request />
                </li>
            </ol>
        </section>
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
