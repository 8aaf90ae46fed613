//! Reads request bodies and names what is wrong with them.
//!
//! An object is first cut into its fields without reading their values, so that numbers keep their text, each field's
//! type is checked by its reader (400 names it), and whatever no reader took is unknown (422 names it).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::body::HttpBody as _;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::console::{Error, Reasons};

/// The largest body, in bytes.
pub const MAX_BODY: usize = 1 << 20;
/// Fields that are read of an object; no request has half as many.
const MAX_FIELDS: usize = 64;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(15);
const TOO_LARGE: Error =
    Error::PayloadTooLarge("The body is larger than 1 MiB. Send it in several requests.");

/// A body that says it is JSON; not read yet.
#[derive(Debug, Clone)]
pub struct JsonBody(Bytes);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Error;

    /// Refuses another content type (415) and more than [`MAX_BODY`] bytes (413), before reading them where the request
    /// says how many they are.
    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        must_be_json(request.headers())?;
        Self::collect(request).await
    }
}

impl<S: Sync> OptionalFromRequest<S> for JsonBody {
    type Rejection = Error;

    /// `None` for a request without a body.
    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Error> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

impl JsonBody {
    /// The body of a request whose content type has been looked at; see [`JsonBody::from_request`].
    pub async fn collect(request: Request) -> Result<Self, Error> {
        if content_length(request.headers()).is_some_and(|length| length > MAX_BODY as u64) {
            return Err(TOO_LARGE);
        }
        let late = |_| Error::InvalidRequest("The body did not arrive within 15 seconds.".into());
        tokio::time::timeout(DEADLINE, read(request.into_body())).await.map_err(late)?.map(Self)
    }
}

/// Collects the body; the usual one is a single chunk and is not copied.
async fn read(body: Body) -> Result<Bytes, Error> {
    let mut chunks = body.into_data_stream();
    let mut whole = Bytes::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Error::InvalidRequest("The body ended early.".into()))?;
        if whole.len() + chunk.len() > MAX_BODY {
            return Err(TOO_LARGE);
        }
        whole = if whole.is_empty() { chunk } else { appended(whole, &chunk) };
    }
    Ok(whole)
}

/// The buffer is ours alone, so that it grows in place.
fn appended(whole: Bytes, chunk: &Bytes) -> Bytes {
    let mut whole = BytesMut::from(whole);
    whole.extend_from_slice(chunk);
    whole.freeze()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The content type without its parameters; empty without one.
pub fn media_type(headers: &HeaderMap) -> &str {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    essence(kind)
}

/// A media type without its parameters.
pub fn essence(kind: &str) -> &str {
    kind.split_once(';').map_or(kind, |(essence, _)| essence).trim()
}

fn must_be_json(headers: &HeaderMap) -> Result<(), Error> {
    if media_type(headers).eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Error::UnsupportedMediaType("The body must be JSON: send `Content-Type: application/json`."))
    }
}

impl JsonBody {
    /// The body as one JSON value of any type.
    pub fn value(&self) -> Result<&RawValue, Error> {
        serde_json::from_slice(&self.0).map_err(|error| unreadable(&error))
    }

    /// The body as an object.
    pub fn object(&self) -> Result<Fields<'_>, Error> {
        Fields::of(self.value()?)
    }
}

/// Says where, and no more: the parser's own words may repeat what was sent.
fn unreadable(error: &serde_json::Error) -> Error {
    let what = if error.is_eof() {
        "The body is no whole JSON value; it ends at"
    } else {
        "The body is no JSON; see"
    };
    Error::InvalidRequest(format!("{what} line {}, column {}.", error.line(), error.column()).into())
}

/// The fields of a JSON object whose values have not been read.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Errors: no object, a field given twice, or more than [`MAX_FIELDS`] (400).
    pub fn of(value: &'a RawValue) -> Result<Self, Error> {
        let not_an_object = |_| Error::InvalidRequest("This must be a JSON object.".into());
        let fields: Self = serde_json::from_str(value.get()).map_err(not_an_object)?;
        if fields.0.len() > MAX_FIELDS {
            return Err(Error::InvalidRequest(
                format!("A JSON object here has at most {MAX_FIELDS} fields.").into(),
            ));
        }
        for (place, (name, _)) in fields.0.iter().enumerate() {
            if fields.0[..place].iter().any(|(earlier, _)| earlier == name) {
                return Err(Error::InvalidRequest(format!("{} is given twice.", shown(name)).into()));
            }
        }
        Ok(fields)
    }

    /// The value as it was written; `None` when the field is missing or null.
    pub fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.given(name).filter(|value| value.get() != "null")
    }

    /// The value as it was written, null too; `None` when the field is missing.
    pub fn given(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// A text; `None` when missing or null. Errors as [`storable`].
    pub fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, Error> {
        self.raw(name).map(|value| storable(name, value)).transpose()
    }

    /// A text that must be there: a missing one is noted as such. Errors: null or another type (400).
    pub fn required_text(
        &mut self,
        name: &'static str,
        reasons: &mut Reasons,
    ) -> Result<Cow<'a, str>, Error> {
        if let Some(value) = self.given(name) {
            return storable(name, value);
        }
        reasons.insert(name.into(), "is required".into());
        Ok(Cow::Borrowed(""))
    }

    /// A whole number from 0; `None` when missing or null. Errors: another type or a fraction (400), a negative or huge
    /// number is noted.
    pub fn whole(&mut self, name: &'static str, reasons: &mut Reasons) -> Result<Option<u64>, Error> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let text = value.get();
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong_type(name, "a whole number"));
        }
        let number = text.parse().ok();
        if number.is_none() {
            reasons.insert(name.into(), "is out of range".into());
        }
        Ok(number)
    }

    /// True or false; `None` when missing or null. Errors: another type (400).
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Error> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(value.get()).map(Some).map_err(|_| wrong_type(name, "true or false"))
    }

    /// A field in other words than its sender's.
    pub fn push(&mut self, name: &'static str, value: &'a RawValue) {
        self.0.push((Cow::Borrowed(name), value));
    }

    /// All fields, for an object whose names are free.
    pub fn into_pairs(self) -> impl Iterator<Item = (Cow<'a, str>, &'a RawValue)> {
        self.0.into_iter()
    }

    /// Notes every field that nobody has taken, then refuses when anything was noted (422).
    pub fn finish(self, mut reasons: Reasons) -> Result<(), Error> {
        for (name, _) in self.0 {
            reasons.insert(shown(&name).into_owned().into(), "is not a field of this request".into());
        }
        if reasons.is_empty() { Ok(()) } else { Err(Error::Validation(reasons)) }
    }
}

/// A field of the wrong JSON type.
pub fn wrong_type(name: &str, wanted: &str) -> Error {
    Error::InvalidRequest(format!("{} must be {wanted}.", shown(name)).into())
}

/// A text that any store can keep. Errors: another type (400); U+0000 in it (422).
pub fn storable<'a>(name: &str, value: &'a RawValue) -> Result<Cow<'a, str>, Error> {
    let text = text(value).ok_or_else(|| wrong_type(name, "text"))?;
    if text.contains('\0') { Err(unstorable(shown(name).into_owned())) } else { Ok(text) }
}

/// The refusal of a text that Postgres can't keep, on every store.
pub fn unstorable(name: String) -> Error {
    Error::Validation(Reasons::from([(name.into(), "must not contain the character U+0000".into())]))
}

/// The text of a JSON string; `None` for another type.
pub fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(value.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A name that somebody else chose, short enough to repeat.
pub fn shown(name: &str) -> Cow<'_, str> {
    const MOST: usize = 64;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(Self)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(8);
        while let Some(Name(name)) = map.next_key()? {
            fields.push((name, map.next_value()?));
            // One too many says that there are too many; the others are only passed by.
            if fields.len() > MAX_FIELDS {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(fields)
    }
}

/// A field's name, borrowed from the body where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a field's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> JsonBody {
        JsonBody(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn what_is_no_json_says_where() {
        for (text, place) in
            [("", "line 1, column 0"), ("{", "line 1, column 1"), ("{\n \"a\": x}", "line 2, column 7")]
        {
            let error = body(text).value().unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(error.to_string().ends_with(&format!("{place}.")), "{error}");
        }
        assert_eq!(body("\"\u{0}\"").value().unwrap_err().status(), 400);
        assert_eq!(JsonBody(Bytes::from_static(b"\"\xff\"")).value().unwrap_err().status(), 400);
        for text in ["1", "[]", "\"a\"", "null", "{\"a\":1,\"a\":2}", r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(body(text).object().unwrap_err().status(), 400, "{text}");
        }
    }

    #[test]
    fn an_object_has_a_bounded_number_of_fields() {
        let fields = |count: usize| {
            let pairs: Vec<String> = (0..count).map(|n| format!("\"f{n}\":{n}")).collect();
            body(&format!("{{{}}}", pairs.join(",")))
                .object()
                .map(|fields| fields.0.len())
                .map_err(|error| error.status())
        };
        assert_eq!(fields(MAX_FIELDS), Ok(MAX_FIELDS));
        assert_eq!(fields(MAX_FIELDS + 1), Err(400));
        assert_eq!(fields(90_000), Err(400));
    }

    #[test]
    fn fields_are_read_by_type_and_the_rest_is_named() {
        let body = body(r#"{"t": "a\nb", "n": 7, "f": 1.5, "m": -1, "z": null, "other": [1, {}]}"#);
        let mut fields = body.object().unwrap();
        let mut reasons = Reasons::new();
        assert_eq!(fields.text("t").unwrap().unwrap(), "a\nb");
        assert_eq!(fields.whole("n", &mut reasons).unwrap(), Some(7));
        assert_eq!(fields.whole("f", &mut reasons).unwrap_err().to_string(), "f must be a whole number.");
        assert_eq!(fields.whole("m", &mut reasons).unwrap(), None);
        assert_eq!(fields.text("z").unwrap(), None);
        fields.required_text("missing", &mut reasons).unwrap();
        let Err(Error::Validation(reasons)) = fields.finish(reasons) else { panic!("accepted") };
        assert_eq!(reasons.keys().collect::<Vec<_>>(), ["m", "missing", "other"]);
    }

    #[test]
    fn a_required_text_is_neither_null_nor_a_number() {
        for text in [r#"{"id": null}"#, r#"{"id": 7}"#, r#"{"id": ["a"]}"#] {
            let body = body(text);
            let error = body.object().unwrap().required_text("id", &mut Reasons::new()).unwrap_err();
            assert_eq!((error.status(), error.to_string().as_str()), (400, "id must be text."));
        }
    }

    #[test]
    fn only_json_is_json() {
        let kind = |kind: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static(kind))]);
            must_be_json(&headers).map_err(|error| error.status())
        };
        assert_eq!(kind("application/json"), Ok(()));
        assert_eq!(kind("Application/JSON; charset=utf-8"), Ok(()));
        for other in ["", "text/plain", "application/jsonp", "application/x-www-form-urlencoded"] {
            assert_eq!(kind(other), Err(415), "{other:?}");
        }
        assert!(must_be_json(&HeaderMap::new()).is_err());
    }
}
