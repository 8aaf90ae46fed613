//! Where somebody is signed in: a part of the server's page of that.

use leptos::prelude::*;

use super::access_log::when;
use crate::backend::security::SessionView;

/// What was done just now with a session, and whether that is good news.
pub fn told(said: &str) -> Option<(bool, &'static str)> {
    match said {
        "ended" => Some((true, "It is signed out.")),
        "ended-others" => Some((true, "You are signed out everywhere else.")),
        _ => None,
    }
}

/// The list, with a button for each but the own one.
pub fn card(sessions: &[SessionView]) -> impl IntoView + use<> {
    let has_others = sessions.iter().any(|session| !session.is_this);
    view! {
        <section class="card" aria-labelledby="sessions-title">
            <header>
                <h2 id="sessions-title">"Signed in"</h2>
                {has_others
                    .then(|| {
                        view! {
                            <form method="post" action="/settings/security/sessions/end-others">
                                <button class="button small" type="submit">
                                    "Sign out all others"
                                </button>
                            </form>
                        }
                    })}
            </header>
            <ul class="plain-rows">{sessions.iter().map(session).collect_view()}</ul>
        </section>
    }
}

fn session(session: &SessionView) -> impl IntoView + use<> {
    let SessionView { id, device, address, since, last_seen, is_this } = session.clone();
    let label = format!("Sign out {device}, last seen {}", last_seen.label);
    let act = if is_this {
        view! { <span class="mark-word ok">"This device"</span> }.into_any()
    } else {
        view! {
            <form method="post" action="/settings/security/sessions/end">
                <input type="hidden" name="session" value=id />
                <button class="button small" type="submit" aria-label=label>
                    "Sign out"
                </button>
            </form>
        }
        .into_any()
    };
    view! {
        <li>
            <div>
                <b>{device}</b>
                {(!address.is_empty()).then(|| view! { <p class="sub long">{address}</p> })}
                <p class="sub">"Last seen " {when(last_seen)} ", signed in " {when(since)}</p>
            </div>
            {act}
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::security::MomentView;

    fn session(device: &str, is_this: bool) -> SessionView {
        let moment = || MomentView { label: "12:04:31".to_owned(), exact: "Sun 22 Nov 2026".to_owned() };
        SessionView {
            id: "abc".to_owned(),
            device: device.to_owned(),
            address: "192.0.2.1".to_owned(),
            since: moment(),
            last_seen: moment(),
            is_this,
        }
    }

    #[test]
    fn this_device_has_no_button_and_others_have_one_each_and_one_for_all() {
        let alone = card(&[session("Firefox on Linux", true)]).to_html();
        assert!(alone.contains("This device") && !alone.contains("<form"), "{alone}");
        let html = card(&[session("Firefox on Linux", true), session("<b>x</b>", false)]).to_html();
        assert_eq!(html.matches("<form").count(), 2, "{html}");
        assert!(html.contains("Sign out all others") && !html.contains("<b>x</b>"), "{html}");
    }
}
