//! Where mails go to be sent, and from whom they are.

use std::fmt;
use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use url::Url;

/// The mail server: `smtps://` or `smtp://`, then `[USER:PASSWORD@]HOST[:PORT][?tls=none]`.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// User name and password.
    pub credentials: Option<(String, String)>,
}

/// How the way to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS before anything is said, or nothing is said (RFC 3207).
    StartTls,
    /// None at all; this machine, or a network that is trusted.
    Plain,
}

/// What an SMTP URL must be; ends a sentence that names the wrong one.
const RIGHT: &str = "smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587 (which insists on STARTTLS; \
                     ?tls=none turns that off, without a password), with %40 for an @ in the password";
/// SMTP with STARTTLS (RFC 6409), and with TLS from the start (RFC 8314).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// The password stays unsaid.
impl fmt::Debug for SmtpUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SmtpUrl({}:{}, {:?})", self.host, self.port, self.security)
    }
}

impl FromStr for SmtpUrl {
    type Err = String;

    /// Errors say what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || RIGHT.to_owned();
        let url = Url::parse(text).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_ascii_lowercase();
        let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        let tls = match url.query_pairs().collect::<Vec<_>>().as_slice() {
            [] => None,
            [(key, value)] if key == "tls" => Some(value.to_string()),
            _ => return Err(wrong()),
        };
        let security = match (url.scheme(), tls.as_deref()) {
            ("smtps", None | Some("required")) => Security::Tls,
            ("smtp", Some("required")) => Security::StartTls,
            ("smtp", Some("none")) => Security::Plain,
            // What listens on this machine seldom has a certificate, and nothing leaves the machine.
            ("smtp", None) => {
                if is_here {
                    Security::Plain
                } else {
                    Security::StartTls
                }
            }
            _ => return Err(wrong()),
        };
        let is_bare = matches!(url.path(), "" | "/") && url.fragment().is_none();
        let credentials = credentials(&url)?;
        let is_exposed = credentials.is_some() && security == Security::Plain && !is_here;
        if !is_bare || is_exposed || url.port() == Some(0) {
            return Err(wrong());
        }
        let usual = if security == Security::Tls { SUBMISSIONS } else { SUBMISSION };
        Ok(Self { port: url.port().unwrap_or(usual), host, security, credentials })
    }
}

/// User name and password, both or neither.
fn credentials(url: &Url) -> Result<Option<(String, String)>, String> {
    let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(RIGHT.to_owned()),
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) if !user.is_empty() => Ok(Some((decoded(user)?, decoded(password)?))),
        _ => Err(RIGHT.to_owned()),
    }
}

/// A wrong SMTP URL without what may be its password: the host alone, or nothing.
pub(super) fn redacted(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => (scheme, rest),
        _ => return "…".to_owned(),
    };
    match rest.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}://…@{place}"),
        None => match rest.split_once(':') {
            // "host:port", unless what follows the colon is no number.
            Some((host, port)) if !port.starts_with(|first: char| first.is_ascii_digit()) => {
                format!("{scheme}://{host}:…")
            }
            _ => text.to_owned(),
        },
    }
}

/// Who mails are from: `NAME <ADDRESS>`.
pub(super) fn mail_from(text: &str) -> Result<Mailbox, String> {
    let parsed: Result<Mailbox, _> = text.parse();
    let one_line = !text.chars().any(char::is_control);
    parsed
        .ok()
        .filter(|_| one_line)
        .ok_or_else(|| "a sender such as Plexe Console <no-reply@example.com>".to_owned())
}

/// `Plexe Console <no-reply@HOST>`, where `authority` is the base URL's `HOST[:PORT]`.
pub(super) fn usual_mail_from(authority: &str) -> Mailbox {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let address = Address::new("no-reply", host)
        .ok()
        .filter(|_| host.contains(char::is_alphabetic) && !host.starts_with('['));
    // A machine's number is no domain that mail comes from.
    let address = address.unwrap_or_else(|| Address::new_dangerous("no-reply", "localhost"));
    Mailbox::new(Some("Plexe Console".to_owned()), address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SmtpUrl {
        text.parse().unwrap_or_else(|right| panic!("{text}: {right}"))
    }

    #[test]
    fn each_form_says_host_port_and_protection() {
        for (text, host, port, security) in [
            ("smtps://mail.example.com", "mail.example.com", 465, Security::Tls),
            ("smtps://Mail.Example.com:2465", "mail.example.com", 2465, Security::Tls),
            ("smtp://mail.example.com", "mail.example.com", 587, Security::StartTls),
            ("smtp://mail.example.com:25?tls=none", "mail.example.com", 25, Security::Plain),
            ("smtp://localhost:1025", "localhost", 1025, Security::Plain),
            ("smtp://127.0.0.1:1025/?tls=required", "127.0.0.1", 1025, Security::StartTls),
        ] {
            let url = url(text);
            assert_eq!((url.host.as_str(), url.port, url.security), (host, port, security), "{text}");
            assert_eq!(url.credentials, None);
        }
    }

    #[test]
    fn a_password_is_decoded_and_not_printed() {
        let url = url("smtp://ada%40example.com:p%40ss%3Aw%C3%B6rd@mail.example.com:587");
        assert_eq!(url.credentials, Some(("ada@example.com".to_owned(), "p@ss:wörd".to_owned())));
        assert_eq!(format!("{url:?}"), "SmtpUrl(mail.example.com:587, StartTls)");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in [
            "",
            "mail.example.com:587",
            "http://mail.example.com",
            "smtp://",
            "smtp://u@mail.example.com",
            "smtp://:p@mail.example.com",
            "smtp://u:p@mail.example.com/path",
            "smtp://u:p@mail.example.com?tls=maybe",
            "smtp://u:p@mail.example.com?ssl=1",
            "smtp://u:p@mail.example.com:25?tls=none",
            "smtps://mail.example.com?tls=none",
            "smtp://mail.example.com:0",
            "smtp://mail.example.com:99999",
            "smtp://u:%ff@mail.example.com",
        ] {
            assert!(text.parse::<SmtpUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_one_is_named_without_its_password() {
        for (text, shown) in [
            ("smtp://u:hunter2@mail.example.com?tls=maybe", "smtp://…@mail.example.com?tls=maybe"),
            ("smtp://u:hunt@er2@mail.example.com/x", "smtp://…@mail.example.com/x"),
            ("smtp://u:hunter2", "smtp://u:…"),
            ("u:hunter2@mail.example.com", "…"),
            ("hunter2", "…"),
            ("http://mail.example.com:25", "http://mail.example.com:25"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn mails_are_from_the_console_s_own_host() {
        for (authority, from) in [
            ("console.example.org", "Plexe Console <no-reply@console.example.org>"),
            ("console.example.org:8443", "Plexe Console <no-reply@console.example.org>"),
            ("localhost:3000", "Plexe Console <no-reply@localhost>"),
            ("127.0.0.1:3000", "Plexe Console <no-reply@localhost>"),
            ("[::1]:3000", "Plexe Console <no-reply@localhost>"),
        ] {
            assert_eq!(usual_mail_from(authority).to_string().replace('"', ""), from);
        }
        assert!(mail_from("Ada <ada@example.com>").is_ok());
        assert!(mail_from("ada@example.com").is_ok());
        for wrong in ["", "Ada", "Ada <ada>", "Ada\r\nBcc: <eve@example.com>"] {
            assert!(mail_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
