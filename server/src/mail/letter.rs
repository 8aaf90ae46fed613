//! Every mail there is. Plain text and HTML are written from the same parts, so that they say the same; what people
//! have typed is escaped in the one and kept on its line in the other, and never stands in a subject.

use std::fmt::Write as _;

use ledger::time::{DAY, SECOND};

/// Microseconds in one hour.
pub(crate) const HOUR: i64 = 3_600 * SECOND;

/// A mail in words.
#[derive(Clone, PartialEq, Eq)]
pub enum Letter {
    /// To somebody who has signed up, or who asked for the link again.
    VerifyEmail { name: String, link: String },
    /// To somebody who signed up with an address that has an account; the page says the same to both.
    AlreadyRegistered { name: String, sign_in_link: String, reset_link: String },
    /// To somebody who forgot the password.
    ResetPassword { name: String, link: String },
    /// After the password was changed, by whomever.
    PasswordChanged { name: String },
    /// After a provider was linked.
    WayAdded { name: String, provider: String },
    /// After one was unlinked.
    WayRemoved { name: String, provider: String },
    /// To the present address of somebody who wants another one.
    ConfirmLeaving { name: String, new_email: String, link: String },
    /// To the new one.
    ConfirmNewEmail { name: String, link: String },
    /// To the new one when it has an account already; the page says the same.
    EmailWanted { name: String, sign_in_link: String },
    /// To both, after the change.
    EmailChanged { name: String, new_email: String },
    /// To somebody who has deleted their account.
    AccountClosed { name: String, until: String, sign_in_link: String },
    /// To somebody who has kept it after all.
    AccountKept { name: String },
    /// After an authenticator app was set up.
    SecondFactorOn { name: String },
    /// After it was taken away.
    SecondFactorOff { name: String },
    /// After other recovery codes were made.
    RecoveryCodesMade { name: String },
    /// After somebody used one.
    RecoveryCodeUsed { name: String },
    /// Somebody knows the password, and types codes that are wrong.
    CodesRefused { name: String },
}

/// Links let whoever reads them act as the recipient, so they are not printed.
impl std::fmt::Debug for Letter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Letter({})", self.kind())
    }
}

/// A letter as it is sent.
pub(crate) struct Written {
    pub subject: &'static str,
    pub text: String,
    pub html: String,
}

/// A paragraph.
enum Part<'a> {
    Say(&'static str),
    /// With a word in it that is not ours.
    Tell(String),
    Open {
        label: &'static str,
        link: &'a str,
    },
}

impl Letter {
    /// The name it has in the outbox.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::ResetPassword { .. } => "reset_password",
            Self::PasswordChanged { .. } => "password_changed",
            Self::WayAdded { .. } => "way_added",
            Self::WayRemoved { .. } => "way_removed",
            Self::ConfirmLeaving { .. } => "confirm_leaving",
            Self::ConfirmNewEmail { .. } => "confirm_new_email",
            Self::EmailWanted { .. } => "email_wanted",
            Self::EmailChanged { .. } => "email_changed",
            Self::AccountClosed { .. } => "account_closed",
            Self::AccountKept { .. } => "account_kept",
            Self::SecondFactorOn { .. } => "second_factor_on",
            Self::SecondFactorOff { .. } => "second_factor_off",
            Self::RecoveryCodesMade { .. } => "recovery_codes_made",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::CodesRefused { .. } => "codes_refused",
        }
    }

    /// What it wants opened.
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::VerifyEmail { link, .. }
            | Self::ResetPassword { link, .. }
            | Self::ConfirmLeaving { link, .. }
            | Self::ConfirmNewEmail { link, .. } => Some(link),
            Self::AlreadyRegistered { sign_in_link, .. }
            | Self::EmailWanted { sign_in_link, .. }
            | Self::AccountClosed { sign_in_link, .. } => Some(sign_in_link),
            Self::PasswordChanged { .. }
            | Self::WayAdded { .. }
            | Self::WayRemoved { .. }
            | Self::EmailChanged { .. }
            | Self::AccountKept { .. }
            | Self::SecondFactorOn { .. }
            | Self::SecondFactorOff { .. }
            | Self::RecoveryCodesMade { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::CodesRefused { .. } => None,
        }
    }

    /// How long it may wait for the mail server before it is given up and erased, in microseconds. A link with a secret
    /// in it is kept no longer than an hour: its recipient asks for another with one click.
    pub(crate) const fn patience(&self) -> i64 {
        match self {
            Self::VerifyEmail { .. }
            | Self::ResetPassword { .. }
            | Self::ConfirmLeaving { .. }
            | Self::ConfirmNewEmail { .. } => HOUR,
            Self::AlreadyRegistered { .. }
            | Self::PasswordChanged { .. }
            | Self::WayAdded { .. }
            | Self::WayRemoved { .. }
            | Self::EmailWanted { .. }
            | Self::EmailChanged { .. }
            | Self::AccountClosed { .. }
            | Self::AccountKept { .. }
            | Self::SecondFactorOn { .. }
            | Self::SecondFactorOff { .. }
            | Self::RecoveryCodesMade { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::CodesRefused { .. } => DAY,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::VerifyEmail { name, .. }
            | Self::AlreadyRegistered { name, .. }
            | Self::ResetPassword { name, .. }
            | Self::PasswordChanged { name }
            | Self::WayAdded { name, .. }
            | Self::WayRemoved { name, .. }
            | Self::ConfirmLeaving { name, .. }
            | Self::ConfirmNewEmail { name, .. }
            | Self::EmailWanted { name, .. }
            | Self::EmailChanged { name, .. }
            | Self::AccountClosed { name, .. }
            | Self::AccountKept { name }
            | Self::SecondFactorOn { name }
            | Self::SecondFactorOff { name }
            | Self::RecoveryCodesMade { name }
            | Self::RecoveryCodeUsed { name }
            | Self::CodesRefused { name } => name,
        }
    }

    pub(crate) fn write(&self) -> Written {
        let (subject, parts) = self.words();
        let name = one_line(self.name());
        Written { subject, text: text(&name, &parts), html: html(subject, &name, &parts) }
    }

    fn words(&self) -> (&'static str, Vec<Part<'_>>) {
        match self {
            Self::VerifyEmail { link, .. } => (
                "Confirm your e-mail address",
                vec![
                    Part::Say(
                        "please confirm that this address is yours. Your account is ready as soon as you have.",
                    ),
                    Part::Open { label: "Confirm the address", link },
                    Part::Say(
                        "If you did not sign up for Plexe Console, ignore this mail: nothing happens then.",
                    ),
                ],
            ),
            Self::AlreadyRegistered { sign_in_link, reset_link, .. } => (
                "You already have an account",
                vec![
                    Part::Say(
                        "somebody, probably you, wanted to sign up with this address. It has an account already, so nothing was changed.",
                    ),
                    Part::Open { label: "Sign in", link: sign_in_link },
                    Part::Open { label: "If you forgot your password, choose a new one", link: reset_link },
                    Part::Say("If it was not you, ignore this mail."),
                ],
            ),
            Self::ResetPassword { link, .. } => (
                "Choose a new password",
                vec![
                    Part::Say(
                        "somebody, probably you, asked for a new password for your account. The link works once, and not for long.",
                    ),
                    Part::Open { label: "Choose a new password", link },
                    Part::Say("If it was not you, ignore this mail: your password stays as it is."),
                ],
            ),
            Self::PasswordChanged { .. } => (
                "Your password was changed",
                vec![
                    Part::Say(
                        "the password of your account was changed just now, and you were signed out everywhere else.",
                    ),
                    Part::Say(
                        "If it was not you, choose a new password at once: \"Forgot your password?\" on the sign-in page sends you a link.",
                    ),
                ],
            ),
            Self::WayAdded { .. } | Self::WayRemoved { .. } => self.words_about_ways(),
            Self::AccountClosed { .. } | Self::AccountKept { .. } => self.words_about_leaving(),
            Self::ConfirmLeaving { .. }
            | Self::ConfirmNewEmail { .. }
            | Self::EmailWanted { .. }
            | Self::EmailChanged { .. } => self.words_about_email(),
            _ => self.words_on_second_factors(),
        }
    }

    /// Those about ways to sign in.
    fn words_about_ways(&self) -> (&'static str, Vec<Part<'_>>) {
        match self {
            Self::WayAdded { provider, .. } => (
                "A way to sign in was added",
                vec![
                    Part::Tell(format!("from now on {} signs you in to your account.", one_line(provider))),
                    Part::Say(
                        "If it was not you, choose a new password at once (\"Forgot your password?\" on the sign-in page sends you a link), and unlink it in your settings.",
                    ),
                ],
            ),
            Self::WayRemoved { provider, .. } => (
                "A way to sign in was removed",
                vec![
                    Part::Tell(format!("{} no longer signs you in to your account.", one_line(provider))),
                    Part::Say(
                        "If it was not you, choose a new password at once: \"Forgot your password?\" on the sign-in page sends you a link.",
                    ),
                ],
            ),
            _ => self.words_about_email(),
        }
    }

    /// Those about another e-mail.
    fn words_about_email(&self) -> (&'static str, Vec<Part<'_>>) {
        match self {
            Self::ConfirmLeaving { new_email, link, .. } => (
                "Confirm that your e-mail changes",
                vec![
                    Part::Tell(format!(
                        "somebody, probably you, wants {} to be the e-mail of your account in place of this one. It changes once this address and the new one have confirmed it, within a day.",
                        one_line(new_email)
                    )),
                    Part::Open { label: "Confirm or refuse the change", link },
                    Part::Say(
                        "If it was not you, refuse it there and choose a new password: somebody has got into your account.",
                    ),
                ],
            ),
            Self::ConfirmNewEmail { link, .. } => (
                "Confirm your new e-mail address",
                vec![
                    Part::Say(
                        "please confirm that this address is to be the e-mail of your account. It changes once the one you have now has confirmed it too, within a day.",
                    ),
                    Part::Open { label: "Confirm the new address", link },
                    Part::Say("If you don't know of this, ignore this mail: nothing happens then."),
                ],
            ),
            Self::EmailChanged { new_email, .. } => (
                "Your e-mail was changed",
                vec![
                    Part::Tell(format!(
                        "the e-mail of your account is {} from now on: sign in with it. You were signed out on all other devices.",
                        one_line(new_email)
                    )),
                    Part::Say(
                        "If it was not you, somebody could read the mail of both addresses: write to whoever runs this console.",
                    ),
                ],
            ),
            _ => (
                "You already have an account",
                vec![
                    Part::Say(
                        "somebody, probably you, wanted this address for another account. It has an account already, so nothing was changed.",
                    ),
                    Part::Open { label: "Sign in", link: self.link().unwrap_or_default() },
                    Part::Say("If it was not you, ignore this mail."),
                ],
            ),
        }
    }

    /// Those about the end of an account.
    fn words_about_leaving(&self) -> (&'static str, Vec<Part<'_>>) {
        match self {
            Self::AccountClosed { until, sign_in_link, .. } => (
                "Your account is being deleted",
                vec![
                    Part::Tell(format!(
                        "your account is closed, as you wanted, and will be erased on {}. Until then its API keys don't work and nothing can be spent.",
                        one_line(until)
                    )),
                    Part::Open { label: "To keep it, sign in before that", link: sign_in_link },
                    Part::Say("If it was not you, do that at once, and choose a new password."),
                ],
            ),
            _ => (
                "Your account stays",
                vec![Part::Say(
                    "your account is not deleted after all: everything is as it was, and its API keys work again.",
                )],
            ),
        }
    }
}

/// Whoever reads this did not do what the mail tells.
const CHOOSE_A_PASSWORD: &str = "If it was not you, choose a new password at once: \"Forgot your password?\" on the sign-in page sends you a link.";

impl Letter {
    /// Subject, what happened, and what to do about it.
    fn words_on_second_factors(&self) -> (&'static str, Vec<Part<'_>>) {
        let (subject, says) = match self {
            Self::SecondFactorOn { .. } => (
                "Signing in takes a second step now",
                "an authenticator app was set up for your account: from now on you are asked for its code when you sign in.",
            ),
            Self::SecondFactorOff { .. } => (
                "Signing in takes one step again",
                "the authenticator app of your account was turned off: nobody is asked for its code any more.",
            ),
            Self::RecoveryCodesMade { .. } => (
                "New recovery codes were made",
                "new recovery codes were made for your account. Those from before open nothing any more.",
            ),
            Self::RecoveryCodeUsed { .. } => (
                "A recovery code was used",
                "somebody, probably you, used one of your recovery codes instead of your authenticator app. Your settings say how many are left, and make new ones.",
            ),
            _ => (
                "Somebody knows your password",
                "somebody has typed your password, and then several wrong codes of your authenticator app. They are not in.",
            ),
        };
        (subject, vec![Part::Say(says), Part::Say(CHOOSE_A_PASSWORD)])
    }
}

/// Text that can't begin another line.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn text(name: &str, parts: &[Part<'_>]) -> String {
    let mut text = format!("Hello {name},\n");
    for part in parts {
        // Writing to a String cannot fail.
        let _ = match part {
            Part::Say(words) => write!(text, "\n{words}\n"),
            Part::Tell(words) => write!(text, "\n{words}\n"),
            Part::Open { label, link } => write!(text, "\n{label}:\n{link}\n"),
        };
    }
    text + "\n-- \nPlexe Console\n"
}

/// One column, the reader's own fonts and colours, nothing loaded from anywhere.
fn html(subject: &str, name: &str, parts: &[Part<'_>]) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
         <body style=\"max-width:34em;margin:2em auto;padding:0 1em;font-family:system-ui,sans-serif;line-height:1.5\">\n\
         <p>Hello {},</p>\n",
        escaped(name)
    );
    for part in parts {
        let _ = match part {
            Part::Say(words) => writeln!(html, "<p>{}</p>", escaped(words)),
            Part::Tell(words) => writeln!(html, "<p>{}</p>", escaped(words)),
            Part::Open { label, link } => {
                let link = escaped(link);
                writeln!(
                    html,
                    "<p><a href=\"{link}\" style=\"font-weight:600\">{}</a><br>\n\
                     <span style=\"font-size:0.85em;word-break:break-all\">{link}</span></p>",
                    escaped(label)
                )
            }
        };
    }
    html + "<p>Plexe Console</p>\n</body>\n</html>\n"
}

/// Text as HTML shows it, in an attribute too.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(name: &str) -> [Letter; 17] {
        let (name, link) = (name.to_owned(), "https://console.example.org/verify?token=a&b".to_owned());
        [
            Letter::VerifyEmail { name: name.clone(), link: link.clone() },
            Letter::AlreadyRegistered {
                name: name.clone(),
                sign_in_link: link.clone(),
                reset_link: format!("{link}2"),
            },
            Letter::ResetPassword { name: name.clone(), link: link.clone() },
            Letter::ConfirmLeaving { name: name.clone(), new_email: name.clone(), link: link.clone() },
            Letter::ConfirmNewEmail { name: name.clone(), link: link.clone() },
            Letter::EmailWanted { name: name.clone(), sign_in_link: link.clone() },
            Letter::AccountClosed { name: name.clone(), until: name.clone(), sign_in_link: link },
            Letter::AccountKept { name: name.clone() },
            Letter::EmailChanged { name: name.clone(), new_email: name.clone() },
            Letter::PasswordChanged { name: name.clone() },
            Letter::WayAdded { name: name.clone(), provider: name.clone() },
            Letter::WayRemoved { name: name.clone(), provider: name.clone() },
            Letter::SecondFactorOn { name: name.clone() },
            Letter::SecondFactorOff { name: name.clone() },
            Letter::RecoveryCodesMade { name: name.clone() },
            Letter::RecoveryCodeUsed { name: name.clone() },
            Letter::CodesRefused { name },
        ]
    }

    #[test]
    fn every_letter_greets_and_shows_its_link_in_both_bodies() {
        for letter in letters("Ada Lovelace") {
            let Written { subject, text, html } = letter.write();
            assert!(!subject.is_empty() && !subject.contains('\n'));
            assert!(text.starts_with("Hello Ada Lovelace,\n") && html.contains("Hello Ada Lovelace,"));
            if let Some(link) = letter.link() {
                assert!(text.contains(&format!("\n{link}\n")), "{text}");
                assert!(html.contains(&format!("href=\"{}\"", link.replace('&', "&amp;"))), "{html}");
            }
        }
    }

    #[test]
    fn what_people_typed_is_text_in_html_and_one_line_in_text() {
        let name = "</p><script>alert(\"1\")</script>\r\nBcc: eve@example.com\n\nhttps://evil.example";
        for letter in letters(name) {
            let Written { subject, text, html } = letter.write();
            assert!(
                !html.contains("<script") && html.contains("&lt;script&gt;alert(&quot;1&quot;)"),
                "{html}"
            );
            assert!(text.lines().all(|line| !line.starts_with("Bcc:") && !line.starts_with("https://evil")));
            assert!(!subject.contains("script"));
        }
    }

    #[test]
    fn a_link_is_never_printed() {
        for letter in letters("Ada") {
            assert!(!format!("{letter:?}").contains("token"));
        }
    }

    #[test]
    fn a_secret_waits_for_an_hour_at_most() {
        for letter in letters("Ada") {
            let holds_secret = matches!(
                letter,
                Letter::VerifyEmail { .. }
                    | Letter::ResetPassword { .. }
                    | Letter::ConfirmLeaving { .. }
                    | Letter::ConfirmNewEmail { .. }
            );
            assert_eq!(letter.patience(), if holds_secret { HOUR } else { DAY });
        }
    }
}
