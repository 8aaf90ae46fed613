//! Who calls a REST route: extractors that authenticate.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use http::Method;
use http::request::Parts;
use ledger::{AccountId, Credits, Timestamp, UserId};

use super::credentials::presented_key;
use super::keys::Key;
use super::rates::{Allowed, Subject};
use super::sessions;
use super::standing::Found;
use super::tokens::SecretHash;
use crate::console::{Console, Error};
use crate::store::{
    AccountStatus, ApiKeyRow, Pass, Permission, Scope, ServiceKeyRow, SessionRow, Tier, UserRow,
};

/// How long somebody who listens is believed to be let in still while that can't be read.
const BELIEVED: Duration = Duration::from_secs(10);

/// Somebody who has proved who they are.
#[derive(Debug, Clone)]
pub enum Caller {
    ApiKey(Arc<ApiKeyRow>),
    Service(Arc<ServiceKeyRow>),
    /// The console's own cookie; on reads only.
    Session(Box<SessionRow>),
}

impl FromRequestParts<Console> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Error> {
        if let Some(secret) = presented_key(&parts.headers)? {
            let key = console.keys.authenticate(&console.store, secret, console.clock.now()).await?;
            let caller = match key {
                Key::Customer(row) => {
                    console.note_key_use(&row);
                    Self::ApiKey(row)
                }
                Key::Service(row) => Self::Service(row),
            };
            return caller.counted(parts, console);
        }
        if !may_use_cookie(parts) {
            return Err(Error::Unauthorized);
        }
        let session = sessions::find(console, &parts.headers).await?;
        let caller = session.map(Box::new).map(Self::Session).ok_or(Error::Unauthorized)?;
        caller.counted(parts, console)
    }
}

/// Where a request's caller is with the limit of requests, for the headers of its answer; empty where none applies.
#[derive(Debug, Default, Clone)]
pub struct Place(Arc<OnceLock<Allowed>>);

impl Place {
    pub fn get(&self) -> Option<Allowed> {
        self.0.get().copied()
    }
}

impl Caller {
    /// The same, once the request is counted. Errors: too many in this minute (429).
    fn counted(self, parts: &Parts, console: &Console) -> Result<Self, Error> {
        let limits = console.config.rate_limits;
        let of = |tier: Option<Tier>| match tier {
            // Whatever sells plans puts accounts into tiers.
            Some(Tier::Basic) => limits.basic,
            Some(Tier::Pro) => limits.pro,
            None => limits.accounts,
        };
        let (subject, limit) = match &self {
            Self::ApiKey(key) => (Subject::Account(key.account_no), of(key.tier)),
            Self::Session(session) => (Subject::Account(session.user.account_no), of(session.user.tier)),
            Self::Service(_) if limits.services == 0 => return Ok(self),
            Self::Service(key) => (Subject::Service(key.id.clone()), limits.services),
        };
        let Some(taken) = console.rates.take(subject, limit, console.clock.now()) else { return Ok(self) };
        let (Ok(allowed) | Err(allowed)) = taken;
        if let Some(place) = parts.extensions.get::<Place>() {
            // A request has one caller.
            let _ = place.0.set(allowed);
        }
        let message = "Too many requests in this minute; the RateLimit headers say how many there may be.";
        let refused = |allowed: Allowed| Error::LimitExceeded { message, retry_after_s: allowed.reset_s };
        taken.map(|_| self).map_err(refused)
    }
}

/// A cookie counts where nothing is changed, and not when another site made the browser ask (Fetch Metadata).
fn may_use_cookie(parts: &Parts) -> bool {
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    let site = parts.headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    is_read && matches!(site, None | Some(b"same-origin" | b"none"))
}

/// Somebody who acts for their own account.
#[derive(Debug, Clone)]
pub struct Customer {
    pub account_no: i64,
    pub account: AccountId,
    pub is_suspended: bool,
    /// Whether the user's e-mail is verified.
    pub is_verified: bool,
    pub user_id: UserId,
    /// IANA name.
    pub time_zone: String,
    pub via: Via,
    /// When key or session ends by itself.
    until: Option<Timestamp>,
    /// Of the store, before it was asked.
    epoch: u64,
    /// When this was last known to be so.
    known_at: Instant,
}

/// How a [`Customer`] came in.
#[derive(Debug, Clone)]
pub enum Via {
    Key(Arc<ApiKeyRow>),
    /// With a form of a page of ours, which no other site can send (`http/security.rs`).
    Page,
    /// With the hash of its token.
    Session(SecretHash),
}

impl Customer {
    /// Refuses read-only keys and suspended accounts.
    pub fn must_write(&self) -> Result<(), Error> {
        match &self.via {
            Via::Page => {}
            Via::Key(key) if key.permission == Permission::ReadWrite => {}
            Via::Key(_) => {
                return Err(Error::InsufficientPermissions(
                    "This key is read_only; it can't change anything.".into(),
                ));
            }
            Via::Session(_) => return Err(Error::Unauthorized),
        }
        if self.is_suspended { Err(Error::AccountSuspended) } else { Ok(()) }
    }

    /// Refuses those whose e-mail is not verified.
    pub fn must_be_verified(&self) -> Result<(), Error> {
        if self.is_verified { Ok(()) } else { Err(Error::EmailNotVerified) }
    }

    /// The key that was presented.
    pub fn key(&self) -> Option<&ApiKeyRow> {
        match &self.via {
            Via::Key(key) => Some(key),
            Via::Page | Via::Session(_) => None,
        }
    }

    /// Whether key or session would still be let in, and whether the account is suspended by now; for streams that outlive
    /// their request. Reads the store only after somebody's keys, sessions or accounts changed, together with all others who ask
    /// just then.
    pub async fn may_still_read(&mut self, console: &Console) -> bool {
        let now = console.clock.now();
        if self.until.is_some_and(|until| until <= now) {
            return false;
        }
        let epoch = console.store.epoch();
        if epoch == self.epoch {
            self.known_at = Instant::now();
            return true;
        }
        let pass = match &self.via {
            // Forms have been answered by then.
            Via::Page => return false,
            Via::Key(key) => Pass::Key(key.id.clone()),
            Via::Session(token_hash) => Pass::Session(*token_hash),
        };
        match console
            .standings
            .look(pass, async |passes: Vec<Pass>| {
                console.store.standings(&passes, console.config.account_life.session_idle()).await
            })
            .await
        {
            Found::Stands(standing) => {
                self.known_at = Instant::now();
                self.epoch = epoch;
                self.until = standing.until;
                self.is_suspended = standing.is_suspended;
                self.is_verified = standing.is_verified;
                self.until.is_none_or(|until| until > now)
            }
            Found::Ended => false,
            // Asked again in a second. A store that is slow for a moment ends no streams.
            Found::Unknown => self.known_at.elapsed() < BELIEVED,
        }
    }
}

impl Customer {
    fn by_key(key: Arc<ApiKeyRow>, epoch: u64) -> Self {
        Self {
            account_no: key.account_no,
            account: key.account_id,
            is_suspended: key.account_status != AccountStatus::Active,
            is_verified: key.is_verified,
            user_id: key.user_id,
            time_zone: key.time_zone.clone(),
            until: key.expires_at,
            epoch,
            known_at: Instant::now(),
            via: Via::Key(key),
        }
    }

    /// A signed-in user who has sent a form.
    pub(crate) fn on_page(user: UserRow) -> Self {
        Self {
            account_no: user.account_no,
            account: user.account_id,
            is_suspended: user.account_status != AccountStatus::Active,
            is_verified: user.verified_at.is_some(),
            user_id: user.id,
            time_zone: user.time_zone,
            via: Via::Page,
            until: None,
            epoch: 0,
            known_at: Instant::now(),
        }
    }

    fn by_session(console: &Console, session: SessionRow, epoch: u64) -> Self {
        let until = sessions::end(console, &session);
        let SessionRow { user, token_hash, .. } = session;
        Self {
            account_no: user.account_no,
            account: user.account_id,
            is_suspended: user.account_status != AccountStatus::Active,
            is_verified: user.verified_at.is_some(),
            user_id: user.id,
            time_zone: user.time_zone,
            via: Via::Session(token_hash),
            until: Some(until),
            epoch,
            known_at: Instant::now(),
        }
    }
}

impl FromRequestParts<Console> for Customer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Error> {
        let epoch = console.store.epoch();
        match Caller::from_request_parts(parts, console).await? {
            Caller::ApiKey(key) => Ok(Self::by_key(key, epoch)),
            Caller::Session(session) => Ok(Self::by_session(console, *session, epoch)),
            Caller::Service(_) => {
                let message =
                    "This route is for customers; a service key (plx_svc_…) has no account of its own.";
                Err(Error::InsufficientPermissions(message.into()))
            }
        }
    }
}

/// Who may read what both sides of a charge see.
#[derive(Debug, Clone)]
pub enum Party {
    Customer(Customer),
    Service(Service),
}

impl FromRequestParts<Console> for Party {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Error> {
        let epoch = console.store.epoch();
        Ok(match Caller::from_request_parts(parts, console).await? {
            Caller::ApiKey(key) => Self::Customer(Customer::by_key(key, epoch)),
            Caller::Session(session) => Self::Customer(Customer::by_session(console, *session, epoch)),
            Caller::Service(key) => Self::Service(Service(key)),
        })
    }
}

/// One of the platform's own services.
#[derive(Debug, Clone)]
pub struct Service(pub Arc<ServiceKeyRow>);

impl Service {
    pub fn must_have(&self, scope: Scope) -> Result<(), Error> {
        if self.0.scopes.allows(scope) {
            return Ok(());
        }
        let message = format!("This service key lacks the scope {}.", scope.name());
        Err(Error::InsufficientPermissions(message.into()))
    }

    /// Up to which debt this key may let an account owe. Errors: it may not (403).
    pub fn debt_limit(&self) -> Result<Credits, Error> {
        self.0.debt_limit.ok_or_else(|| {
            let message =
                "This service key has no debt limit, so it can't let an account owe: send on_insufficient \"reject\".";
            Error::InsufficientPermissions(message.into())
        })
    }

    /// Refuses another source than the one the key was made for.
    pub fn must_be_source(&self, source: &str) -> Result<(), Error> {
        match &self.0.source {
            Some(own) if own != source => {
                let message = format!("This service key reports for the source {own:?} only.");
                Err(Error::InsufficientPermissions(message.into()))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<Console> for Service {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Error> {
        match Caller::from_request_parts(parts, console).await? {
            Caller::Service(key) => Ok(Self(key)),
            Caller::ApiKey(_) | Caller::Session(_) => {
                let message =
                    "This route is for the platform's services and takes a service key (plx_svc_…).";
                Err(Error::InsufficientPermissions(message.into()))
            }
        }
    }
}
