//! Signing up and in, confirming that it is oneself, verifying an e-mail, choosing another password: plain forms that the server answers itself.
//!
//! They work before (and without) any script. The server's handlers of these paths say what is to be shown with a
//! [`FormView`](crate::ssr::FormView) in context; the wasm is never loaded here, so it holds nothing of them.

#[cfg(feature = "ssr")]
mod change_email;
#[cfg(feature = "ssr")]
mod confirm;
#[cfg(feature = "ssr")]
mod field;
#[cfg(feature = "ssr")]
mod mail_sent;
#[cfg(feature = "ssr")]
mod onward;
#[cfg(feature = "ssr")]
mod passkey;
#[cfg(feature = "ssr")]
mod reset_password;
#[cfg(feature = "ssr")]
mod round_failed;
#[cfg(feature = "ssr")]
mod second_factor;
#[cfg(feature = "ssr")]
mod second_step;
#[cfg(feature = "ssr")]
mod sign_in;
#[cfg(feature = "ssr")]
mod sign_up;
#[cfg(feature = "ssr")]
mod verify_email;
#[cfg(feature = "ssr")]
mod ways;

use leptos::prelude::*;

/// Whichever form the server wants shown.
#[component]
pub fn FormPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        use_context::<crate::ssr::FormView>().map(shown)
    }
    #[cfg(not(feature = "ssr"))]
    {}
}

#[cfg(feature = "ssr")]
fn shown(form: crate::ssr::FormView) -> AnyView {
    use crate::ssr::Screen;

    match form.screen {
        Screen::SignIn => view! { <sign_in::SignIn form /> }.into_any(),
        Screen::SignUp => view! { <sign_up::SignUp form /> }.into_any(),
        Screen::CheckMail => view! { <mail_sent::CheckMail form /> }.into_any(),
        Screen::VerifyEmail => view! { <verify_email::VerifyEmail form /> }.into_any(),
        Screen::SendAgain => view! { <verify_email::SendAgain form /> }.into_any(),
        Screen::ForgotPassword => view! { <reset_password::ForgotPassword form /> }.into_any(),
        Screen::ResetSent => view! { <mail_sent::ResetSent form /> }.into_any(),
        Screen::Confirm => view! { <confirm::Confirm form /> }.into_any(),
        Screen::SecondStep => view! { <second_step::SecondStep form /> }.into_any(),
        Screen::SetUpSecondStep => view! { <second_factor::SetUp form /> }.into_any(),
        Screen::RecoveryCodes => view! { <second_factor::RecoveryCodes form /> }.into_any(),
        Screen::Onward => view! { <onward::Onward form /> }.into_any(),
        Screen::RoundFailed => view! { <round_failed::RoundFailed form /> }.into_any(),
        Screen::ChangeEmail => view! { <change_email::ChangeEmail form /> }.into_any(),
        Screen::EmailChange => view! { <change_email::EmailChange form /> }.into_any(),
        Screen::ResetPassword => view! { <reset_password::ResetPassword form /> }.into_any(),
    }
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
