//! Where a request comes from, also when a proxy hands it on.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use axum::middleware::Next;
use axum::response::Response;

use super::pages::Site;
use crate::auth::Whence;
use crate::console::{Console, Error};

/// The address that failed sign-ins and asked-for mails are counted by.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<Site> for ClientAddress {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Error> {
        let address = address(&site.console, &parts.extensions, &parts.headers);
        address.map(Self).ok_or_else(|| Error::internal("a request without a connection"))
    }
}

fn address(console: &Console, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    Some(console.config.trusted_proxies.client(peer.ip(), lines))
}

/// Middleware for what may end up in the access log or in the list of sessions.
pub async fn keep(State(console): State<Console>, request: Request, next: Next) -> Response {
    let address = address(&console, request.extensions(), request.headers());
    Whence::new(address, request.headers()).while_answering(next.run(request)).await
}
