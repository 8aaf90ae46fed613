//! Where people reach this console, as links, cookies and cross-site checks need it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

/// `https://HOST[:PORT]`, or `http://` on this machine alone; no path, no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// What a base URL must be; ends a sentence that names the wrong one.
const RIGHT: &str = "https://HOST[:PORT] without a path, or http://localhost:PORT on this machine";

impl BaseUrl {
    /// `http://localhost:PORT`.
    pub fn localhost(port: u16) -> Self {
        Self(format!("http://localhost:{port}"))
    }

    /// `https://localhost:PORT`.
    pub fn secure_localhost(port: u16) -> Self {
        Self(format!("https://localhost:{port}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether cookies may be `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// `HOST[:PORT]`, as a browser puts it into `Host` and, after the scheme, into `Origin`.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The host, where it is a name and no IP address.
    pub fn domain(&self) -> Option<&str> {
        let host = self.authority().split(':').next().unwrap_or_default();
        let is_name = !host.is_empty() && !host.starts_with('[') && host.parse::<IpAddr>().is_err();
        is_name.then_some(host)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    /// Errors say what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| RIGHT.to_owned())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(RIGHT.to_owned());
        };
        let bare = uri.path() == "/" && uri.query().is_none() && !text.contains(['@', '#', '?']);
        if authority.host().is_empty() || !bare {
            return Err(RIGHT.to_owned());
        }
        let this_machine = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
        match scheme {
            "https" => {}
            "http" if this_machine => {}
            "http" => {
                let host = authority.as_str();
                return Err(format!("https://{host} (http would send passwords and keys in the clear)"));
            }
            _ => return Err(RIGHT.to_owned()),
        }
        Ok(Self(format!("{scheme}://{}", authority.as_str().to_ascii_lowercase())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_this_machine() {
        for (text, url) in [
            ("https://console.example.org", "https://console.example.org"),
            ("https://Console.Example.org:8443/", "https://console.example.org:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:80/", "http://127.0.0.1:80"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().as_str(), url);
        }
        assert_eq!("https://a.b:1".parse::<BaseUrl>().unwrap().authority(), "a.b:1");
    }

    #[test]
    fn http_on_another_host_is_refused_with_the_right_one() {
        let error = "http://console.example.org".parse::<BaseUrl>().unwrap_err();
        assert!(error.starts_with("https://console.example.org "), "{error}");
        assert!("http://localhost.example.org".parse::<BaseUrl>().is_err());
        assert!("http://10.0.0.4:3000".parse::<BaseUrl>().is_err());
    }

    #[test]
    fn what_is_not_a_bare_url_is_refused() {
        for text in [
            "",
            "localhost:3000",
            "/",
            "ftp://localhost",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }
}
