//! Where a request comes from, for lists of sessions and for the access log: an address, and what the browser says it is, in
//! words. It is kept beside a request while that is answered, since what notes it stands far below whoever took the request.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::USER_AGENT;

/// Letters of a program's name that are kept.
const LONGEST_NAME: usize = 40;

tokio::task_local! {
    static HERE: Whence;
}

/// See the module's text. Commands and jobs come from nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whence {
    pub address: Option<IpAddr>,
    /// Such as `Firefox on Windows`; empty: not known.
    pub device: String,
}

impl Whence {
    pub fn new(address: Option<IpAddr>, headers: &HeaderMap) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self { address, device: agent.map(device).unwrap_or_default() }
    }

    /// That of the request that is being answered.
    pub fn here() -> Self {
        HERE.try_with(Clone::clone).unwrap_or_default()
    }

    /// Answers a request from here.
    pub async fn while_answering<T>(self, answering: impl Future<Output = T>) -> T {
        HERE.scope(self, answering).await
    }
}

/// Browsers by a word that only they say, in the order in which to look: most say the words of others too.
const BROWSERS: [(&str, &str); 11] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems in the same way.
const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// A browser and its system, or the name of a program; nothing that could be anything else.
fn device(agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(word, _)| agent.contains(word)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => program(agent),
    }
}

/// The first product (RFC 9110, 10.1.5), without its version.
fn program(agent: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    agent.chars().take_while(is_plain).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_with_its_system() {
        for (agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                "Safari on macOS",
            ),
            ("Firefox/1", "Firefox"),
        ] {
            assert_eq!(device(agent), words);
        }
    }

    #[test]
    fn a_program_is_told_by_its_name() {
        for (agent, words) in [
            ("curl/8.5.0", "curl"),
            ("python-requests/2.32", "python-requests"),
            ("<script>alert(1)</script>", ""),
            ("", ""),
            (&"x".repeat(1_000), &"x".repeat(40)),
        ] {
            assert_eq!(device(agent), words);
        }
    }

    #[tokio::test]
    async fn what_is_answered_knows_where_it_comes_from_and_nothing_else_does() {
        let whence = Whence { address: Some([192, 0, 2, 1].into()), device: "curl".to_owned() };
        assert_eq!(whence.clone().while_answering(async { Whence::here() }).await, whence);
        assert_eq!(Whence::here(), Whence::default());
    }
}
