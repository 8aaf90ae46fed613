//! Settings › Security: the second step of signing in. Its own pages are in [`crate::pages::forms`].

use leptos::prelude::*;

use crate::backend::security::SecondFactorView;

/// What was done about it just now: whether that is good news, and the sentence.
pub(super) fn told(said: &str) -> Option<(bool, &'static str)> {
    Some(match said {
        "second-step-off" => (true, "It is off: signing in takes one step again."),
        "second-step-before" => {
            (true, "An app is set up already. To set up another one, turn this one off first.")
        }
        "second-step-gone" => (false, "There is no authenticator app any more."),
        _ => return None,
    })
}

/// Whether an app is set up, and what can be done about it.
pub(super) fn card(view: &SecondFactorView, is_verified: bool) -> AnyView {
    let content = match (&view.since, is_verified) {
        (Some(since), _) => on(since, view.recovery_codes),
        (None, true) => off(),
        (None, false) => {
            let sentence =
                "Once your e-mail is verified you can protect your account with an authenticator app.";
            view! { <p class="sub">{sentence}</p> }.into_any()
        }
    };
    view! {
        <section class="card" aria-labelledby="second-step-title">
            <header>
                <h2 id="second-step-title">"Second step"</h2>
            </header>
            {content}
        </section>
    }
    .into_any()
}

fn off() -> AnyView {
    view! {
        <p>
            "With an authenticator app, whoever knows your password still can't sign in: they are asked for a code that the app on "
            "your phone makes anew every 30 seconds."
        </p>
        <p class="ways hint">
            <a class="button small" href="/settings/security/second-step" rel="external">
                "Set up an authenticator app"
            </a>
        </p>
    }
    .into_any()
}

fn on(since: &str, recovery_codes: u64) -> AnyView {
    let left = match recovery_codes {
        0 => "No recovery code is left: make new ones, or a lost phone locks you out.".to_owned(),
        1 => "One recovery code is left.".to_owned(),
        many => format!("{many} recovery codes are left."),
    };
    let class = if recovery_codes < 3 { "notice bad" } else { "sub" };
    view! {
        <ul class="ways-in">
            <li>
                <div>
                    <b>"Authenticator app"</b>
                    <p class="sub">{format!("Set up {since}. You are asked for its code after your password or a provider.")}</p>
                </div>
                <form method="post" action="/settings/security/second-step/off">
                    <button class="button small" type="submit" aria-label="Turn off the authenticator app">
                        "Turn off"
                    </button>
                </form>
            </li>
            <li>
                <div>
                    <b>"Recovery codes"</b>
                    <p class=class>{left}</p>
                </div>
                <form method="post" action="/settings/security/second-step/codes">
                    <button class="button small" type="submit" aria-label="Make new recovery codes">
                        "Make new ones"
                    </button>
                </form>
            </li>
        </ul>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(since: Option<&str>, recovery_codes: u64, is_verified: bool) -> String {
        let view = SecondFactorView { since: since.map(str::to_owned), recovery_codes };
        card(&view, is_verified).to_html()
    }

    #[test]
    fn it_says_what_can_be_done() {
        assert!(shown(None, 0, true).contains("Set up an authenticator app"));
        let claim = shown(None, 0, false);
        assert!(claim.contains("Once your e-mail is verified") && !claim.contains("href"), "{claim}");
        let on = shown(Some("22 Nov 2026"), 10, true);
        assert!(on.contains("Set up 22 Nov 2026") && on.contains("10 recovery codes are left."), "{on}");
        assert!(!on.contains("notice bad") && shown(Some("x"), 0, true).contains("notice bad"));
    }
}
