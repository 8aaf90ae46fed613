//! No text that is sent here may hold U+0000: Postgres can't keep it, so nothing is let in that one store would keep and the
//! other not. Bodies of JSON are looked at where they are read (`json`); this is for addresses and forms.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use url::form_urlencoded;

use super::json::{media_type, unstorable};
use crate::console::Error;

/// Middleware for all routes: refuses paths and query strings (422 names the parameter).
pub async fn address(request: Request, next: Next) -> Result<Response, Error> {
    if request.uri().path().contains("%00") {
        return Err(unstorable("path".to_owned()));
    }
    refuse(request.uri().query().unwrap_or_default().as_bytes())?;
    Ok(next.run(request).await)
}

/// Middleware for what browsers post: refuses forms (422 names the field). A form that doesn't arrive whole stays one for
/// whoever reads it next.
pub async fn form(request: Request, next: Next) -> Result<Response, Error> {
    if !is_form(request.headers()) {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let limited = Request::from_parts(parts.clone(), body);
    let body = match Bytes::from_request(limited, &()).await {
        Ok(read) => {
            refuse(&read)?;
            Body::from(read)
        }
        Err(error) => {
            let broken = std::io::Error::other(error.to_string());
            Body::from_stream(futures::stream::iter([Err::<Bytes, _>(broken)]))
        }
    };
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn is_form(headers: &HeaderMap) -> bool {
    media_type(headers).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Names the first field with U+0000 in its name or value. Nearly all texts are let through without being decoded.
fn refuse(encoded: &[u8]) -> Result<(), Error> {
    let may_hold_it = encoded.contains(&0) || encoded.windows(3).any(|three| three == b"%00");
    if !may_hold_it {
        return Ok(());
    }
    let mut pairs = form_urlencoded::parse(encoded);
    match pairs.find(|(name, value)| name.contains('\0') || value.contains('\0')) {
        Some((name, _)) => Err(unstorable(name.replace('\0', ""))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_named_and_what_only_looks_like_it_is_let_through() {
        assert!(refuse(b"name=a%2500&b=%30%30&c=").is_ok());
        for sent in [&b"a=1&name=x%00y"[..], b"a=1&name=x\0y", b"a=1&na%00me=x"] {
            let Err(Error::Validation(reasons)) = refuse(sent) else { panic!("let through") };
            assert_eq!(reasons.keys().collect::<Vec<_>>(), ["name"]);
        }
    }
}
