//! The button that signs with a passkey. A script fills its form in (`app/js/passkeys.js`) and shows it; without one it stays hidden.

use leptos::nonce::use_nonce;
use leptos::prelude::*;

use super::local_path;
use crate::ssr::{Assets, FormView};

/// Nothing where there are no passkeys. `purpose` is what the script asks for.
pub(super) fn passkey(
    form: &FormView,
    action: &'static str,
    purpose: &'static str,
    label: &'static str,
) -> Option<AnyView> {
    if form.value("passkeys").is_empty() {
        return None;
    }
    let next = local_path(&form.value("next")).to_owned();
    let script = use_context::<Assets>().unwrap_or_default().passkeys;
    let fields = ["credential", "client_data", "authenticator_data", "signature", "user_handle"];
    Some(
        view! {
            <form class="passkey" method="post" action=action data-passkey=purpose hidden>
                <input type="hidden" name="next" value=next />
                {fields.map(|name| view! { <input type="hidden" name=name /> }).collect_view()}
                <p class="notice bad" role="alert" data-said hidden></p>
                <button class="button" type="submit">
                    {label}
                </button>
            </form>
            <script nonce=use_nonce()>{later(&script)}</script>
        }
        .into_any(),
    )
}

/// Shows the form where the browser knows passkeys, and loads what asks for one when it is first wanted.
fn later(script: &str) -> String {
    format!(
        "{{const form=document.querySelector('[data-passkey]');form.hidden=!('PublicKeyCredential'in window);\
         form.addEventListener('submit',event=>{{event.preventDefault();event.submitter.disabled=true;\
         import({script:?}).then(({{ask}})=>ask(form))}},{{once:true}})}}"
    )
}
