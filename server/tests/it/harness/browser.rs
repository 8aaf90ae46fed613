//! A browser that keeps its cookies, goes where it is sent, and says where it comes from.

use std::collections::BTreeMap;

use http::Method;
use reqwest::RequestBuilder;

use super::World;
use super::client::{Answer, Caller, answer};
use super::forms::encoded;
use super::issuer::{Issuer, Someone};

#[derive(Clone)]
pub struct Browser {
    caller: Caller,
    cookies: BTreeMap<String, String>,
}

impl World {
    pub fn browser(&self) -> Browser {
        Browser::of(self.anon())
    }
}

impl Browser {
    pub fn of(caller: Caller) -> Self {
        Self { caller, cookies: BTreeMap::new() }
    }

    /// Its cookies as it sends them.
    pub fn cookies(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub fn keep(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    async fn send(&mut self, request: RequestBuilder, site: &str) -> Answer {
        let request = request.header("accept", "text/html").header("sec-fetch-site", site);
        let answer = answer(request.header("cookie", self.cookies())).await;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().expect("printable");
            let (name, value) =
                set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if set.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Follows a link of a page of ours.
    pub async fn follow(&mut self, path: &str) -> Answer {
        let request = self.caller.request(Method::GET, path);
        self.send(request, "same-origin").await
    }

    /// Is sent here by another site.
    pub async fn arrive(&mut self, path: &str) -> Answer {
        let request = self.caller.request(Method::GET, path);
        self.send(request, "cross-site").await
    }

    /// Sends a form of ours.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.caller.request(Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(pairs.join("&")), "same-origin").await
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.submit("/sign-in", &[("email", email), ("password", password)]).await
    }

    /// Where a link to a provider leads.
    pub async fn leave(&mut self, path: &str) -> String {
        let sent = self.follow(path).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        sent.header("location").to_owned()
    }

    /// To a provider and back, as this person.
    pub async fn round(&mut self, issuer: &Issuer, path: &str, someone: &Someone) -> Answer {
        let back = issuer.consent(&self.leave(path).await, someone);
        self.arrive(&back).await
    }

    /// Who is signed in, by their e-mail.
    pub async fn who(&mut self) -> Option<String> {
        let user =
            answer(self.caller.request(Method::GET, "/auth/user").header("cookie", self.cookies())).await;
        user.body["email"].as_str().map(str::to_owned)
    }
}
