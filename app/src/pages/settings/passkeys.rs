//! Settings › Security: passkeys. A script fills in the form that makes one (`app/js/passkeys.js`); without one it stays hidden.

use leptos::prelude::*;

use crate::backend::security::{PasskeyView, PasskeysView};

/// What was done about them just now: whether that is good news, and the sentence.
pub(super) fn told(said: &str) -> Option<(bool, &'static str)> {
    Some(match said {
        "passkey-added" => (true, "Your passkey is registered: you can sign in with it from now on."),
        "passkey-renamed" => (true, "Your passkey has its new name."),
        "passkey-removed" => (true, "The passkey is removed, and signs you in no more."),
        "passkey-gone" => (false, "There is no such passkey any more."),
        _ => return None,
    })
}

/// Those that there are, and the form that makes another one; or why there are none.
pub(super) fn card(view: &PasskeysView, is_verified: bool, script: &str) -> AnyView {
    let content = match (view.is_on, is_verified) {
        (false, _) => sentence(
            "This console is reached by an IP address, where browsers know no passkeys. Its operator can give it a name \
             (base_url).",
        ),
        (true, false) => sentence("Once your e-mail is verified you can register passkeys."),
        (true, true) => add(script),
    };
    view! {
        <section class="card" aria-labelledby="passkeys-title">
            <header>
                <h2 id="passkeys-title">"Passkeys"</h2>
            </header>
            <ul class="ways-in">{view.passkeys.iter().map(row).collect_view()}</ul>
            {content}
        </section>
    }
    .into_any()
}

fn sentence(words: &'static str) -> AnyView {
    view! { <p class="sub">{words}</p> }.into_any()
}

fn add(script: &str) -> AnyView {
    let fields = ["credential", "client_data", "authenticator_data", "public_key"];
    view! {
        <p>
            "Your device signs you in with its PIN, your fingerprint or your face: nothing to remember, and nothing that a false page "
            "could ask you for."
        </p>
        <p class="sub without-script">"Registering one needs scripts in your browser."</p>
        <form class="form passkey" method="post" action="/settings/security/passkeys" data-passkey="register" hidden>
            {fields.map(|name| view! { <input type="hidden" name=name /> }).collect_view()}
            <label for="passkey-name">"Name"</label>
            <input
                id="passkey-name"
                name="name"
                type="text"
                maxlength="100"
                autocomplete="off"
                placeholder="Phone"
                aria-describedby="passkey-name-help"
            />
            <p class="sub" id="passkey-name-help">
                "To recognise it by."
            </p>
            <p class="notice bad" role="alert" data-said hidden></p>
            <button class="button" type="submit">
                "Add a passkey"
            </button>
        </form>
        <p class="sub" data-no-passkeys hidden>
            "This browser knows no passkeys."
        </p>
        <script type="module" src=script.to_owned()></script>
    }
    .into_any()
}

fn row(passkey: &PasskeyView) -> impl IntoView + use<> {
    let PasskeyView { credential, name, since, last_used, is_last } = passkey.clone();
    let used = last_used.map_or("not used yet".to_owned(), |used| format!("last used {used}"));
    let (rename, remove) = (format!("Rename {name}"), format!("Remove {name}"));
    let id = format!("rename-{credential}");
    let act = if is_last {
        view! { <p class="sub">"Your only way in"</p> }.into_any()
    } else {
        view! {
            <form method="post" action="/settings/security/passkeys/remove">
                <input type="hidden" name="credential" value=credential.clone() />
                <button class="button small" type="submit" aria-label=remove>
                    "Remove"
                </button>
            </form>
        }
        .into_any()
    };
    view! {
        <li>
            <div>
                <b class="long">{name.clone()}</b>
                <p class="sub">{format!("Added {since}, {used}")}</p>
                <details class="rename">
                    <summary>"Rename"</summary>
                    <form class="form" method="post" action="/settings/security/passkeys/rename">
                        <input type="hidden" name="credential" value=credential />
                        <label for=id.clone()>"New name"</label>
                        <input id=id name="name" type="text" maxlength="100" autocomplete="off" required value=name />
                        <button class="button small" type="submit" aria-label=rename>
                            "Rename"
                        </button>
                    </form>
                </details>
            </div>
            {act}
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(is_on: bool, is_verified: bool, is_last: bool) -> String {
        let text = |text: &str| text.to_owned();
        let passkey = PasskeyView {
            credential: text("AbC-_"),
            name: text("<script>alert(1)</script>"),
            since: text("22 Nov 2026"),
            last_used: None,
            is_last,
        };
        let view = PasskeysView { is_on, passkeys: vec![passkey] };
        card(&view, is_verified, "/pkg/passkeys.js").to_html()
    }

    #[test]
    fn what_is_typed_is_text_and_the_last_way_in_has_no_button() {
        let html = shown(true, true, false);
        assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert(1)"), "{html}");
        assert!(html.contains("passkeys/remove") && html.contains("src=\"/pkg/passkeys.js\""), "{html}");
        assert!(!shown(true, true, true).contains("passkeys/remove"));
    }

    #[test]
    fn where_there_are_none_it_says_why() {
        let html = shown(false, true, false);
        assert!(html.contains("reached by an IP address") && !html.contains("data-passkey"), "{html}");
        assert!(!shown(true, false, false).contains("data-passkey"));
    }
}
