//! Reads query strings, and names what is wrong with them.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use ledger::Timestamp;

use crate::calendar::parse_rfc3339_in_query;
use crate::console::{Error, Reasons};
use crate::http::json::shown;

/// A request's parameters. Each is given once, and none is unknown: [`Query::read`] refuses the others by name.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

/// What [`Query::read`] takes the known parameters from. Whatever can't be used is noted and read as absent; the whole
/// is refused then.
#[derive(Debug)]
pub struct Known {
    rest: Vec<(String, String)>,
    reasons: Reasons,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// 1–100.
    pub limit: u32,
    pub offset: u64,
}

impl Page {
    pub const USUAL_LIMIT: u32 = 20;
    pub const MAX_LIMIT: u32 = 100;
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let unreadable = |_| Error::InvalidRequest("The query string can't be read.".into());
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(unreadable)
    }
}

impl Query {
    /// Takes the known parameters; 422 names every one that is wrong, given twice or unknown.
    pub fn read<T>(self, take: impl FnOnce(&mut Known) -> T) -> Result<T, Error> {
        let mut known = Known { rest: self.0, reasons: Reasons::new() };
        let taken = take(&mut known);
        let Known { rest, mut reasons } = known;
        for (name, _) in rest {
            reasons
                .entry(shown(&name).into_owned().into())
                .or_insert("is not a parameter of this route".into());
        }
        if reasons.is_empty() { Ok(taken) } else { Err(Error::Validation(reasons)) }
    }
}

impl Known {
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let at = self.rest.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.rest.swap_remove(at);
        if self.rest.iter().any(|(known, _)| known == name) {
            self.rest.retain(|(known, _)| known != name);
            self.refuse(name, "is given more than once");
        }
        Some(value)
    }

    /// A value of any type that reads itself; its error ends a sentence that begins with the parameter's name.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|reason: T::Err| self.refuse(name, reason.to_string())).ok()
    }

    /// RFC 3339.
    pub fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        parse_rfc3339_in_query(&text).map_err(|reason| self.refuse(name, reason.to_string())).ok()
    }

    pub fn number(&mut self, name: &'static str) -> Option<u64> {
        let text = self.text(name)?;
        text.parse().map_err(|_| self.refuse(name, "must be a whole number from 0")).ok()
    }

    /// One of several words.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(name, format!("must be one of {}", all.join(", ")));
        }
        found
    }

    /// `limit` (1–100, usually 20).
    pub fn limit(&mut self) -> u32 {
        let limit = self.number("limit").unwrap_or(u64::from(Page::USUAL_LIMIT));
        if let Ok(limit @ 1..=Page::MAX_LIMIT) = u32::try_from(limit) {
            return limit;
        }
        self.refuse("limit", "must be 1 to 100");
        Page::USUAL_LIMIT
    }

    /// `limit` and `offset` (usually 0).
    pub fn page(&mut self) -> Page {
        Page { limit: self.limit(), offset: self.number("offset").unwrap_or(0) }
    }

    /// Notes what is wrong with a parameter, for rules that no type can tell.
    pub fn refuse(&mut self, name: &'static str, reason: impl Into<Cow<'static, str>>) {
        self.reasons.insert(name.into(), reason.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        let uri = format!("/x?{text}").parse().unwrap();
        Query(axum::extract::Query::try_from_uri(&uri).unwrap().0)
    }

    #[test]
    fn a_page_has_bounds() {
        let page = |text: &str| query(text).read(Known::page).map_err(|error| error.to_string());
        assert_eq!(page(""), Ok(Page { limit: 20, offset: 0 }));
        assert_eq!(page("limit=100&offset=7"), Ok(Page { limit: 100, offset: 7 }));
        for wrong in ["limit=0", "limit=101", "limit=-1", "limit=ten", "limit=", "limit=99999999999"] {
            assert!(page(wrong).unwrap_err().starts_with("limit must be "), "{wrong}");
        }
        assert!(page("offset=-1").is_err());
    }

    #[test]
    fn unknown_and_repeated_parameters_are_named() {
        let error = query("limt=5&after=1&after=2").read(|query| query.number("after")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "after is given more than once; limt is not a parameter of this route."
        );
        let error = query(&format!("{}=1", "a".repeat(9_000))).read(|_| ()).unwrap_err();
        assert!(error.to_string().len() < 120, "a long name is cut: {error}");
        assert_eq!(query("after=%31").read(|query| query.number("after")).unwrap(), Some(1));
        assert!(query("at=yesterday").read(|query| query.time("at")).is_err());
        let words = [("active", 1), ("revoked", 2)];
        assert_eq!(query("status=revoked").read(|query| query.one_of("status", &words)).unwrap(), Some(2));
        assert!(query("status=gone").read(|query| query.one_of("status", &words)).is_err());
    }
}
