//! To a provider and back: signing in or up, linking, and showing once more that it is oneself (docs/decisions/0019).
//!
//! The browser keeps a random token for the way. What the provider is told to hand back (the nonce), and what we show it
//! afterwards (the verifier), are derived from that token, and our row knows hashes alone: whoever reads the database can
//! finish nobody's round, and whoever has only the address that the browser comes back to can't either.

use std::net::IpAddr;

use ledger::Timestamp;
use ledger::time::SECOND;

use super::second_factor::Entered;
use super::sign_in::SignedIn;
use super::users::{is_name, is_user_name};
use super::{Console, Error};
use crate::auth::Customer;
use crate::auth::providers::{Arrival, Fault, Person, Provider, Trip, derived};
use crate::auth::recent::Recent;
use crate::auth::tokens::{LEN, hash};
use crate::calendar::Zone;
use crate::mail::Letter;
use crate::random::{self, alphanumeric, number_below};
use crate::store::{Access, Joined, Linked, NewUser, Purpose, Round, SessionRow, UserRow};

/// How long a round may take, in seconds.
pub const LIFETIME_S: i64 = 600;
/// How much a provider's clock may differ from ours.
const LEEWAY: i64 = 60 * SECOND;
/// Bytes of a path to go on to.
const LONGEST_PATH: usize = 1_000;
/// Names that are tried for somebody new.
const NAMES: u32 = 8;
/// Letters of a user name that is made up.
const USER_NAME: usize = 40;

/// Why nobody was signed in, or nothing linked. `Display` is a public sentence.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    #[error("Nobody here is called by that.")]
    Unknown,
    #[error("Too many attempts. Try again in {}.", super::error::minutes(*retry_after_s))]
    TooMany { retry_after_s: u64 },
    /// There is no such round: too late, come back twice, or begun by another browser.
    #[error(
        "This took more than ten minutes, was begun in another browser, or was finished before. Please start again."
    )]
    Stale,
    #[error("You did not let {provider} tell us who you are, so nothing was changed.")]
    Denied { provider: String },
    #[error(
        "{provider} cannot be reached right now, or something is wrong there. Please try again in a moment, or sign in in another way."
    )]
    Unreachable { provider: String },
    #[error(
        "What {provider} said about you cannot be trusted, so nobody was signed in and nothing was changed. Please start again."
    )]
    Untrusted { provider: String },
    #[error(
        "{provider} does not say that you have an e-mail address which it has verified. Verify one there, or sign up with a \
         password."
    )]
    Unverified { provider: String },
    /// It is somebody's here, who has never come by this provider.
    #[error(
        "{email} has an account here already. Sign in to it once as you are used to; then link {provider} in your settings, \
         and both lead to the same account."
    )]
    EmailTaken { provider: String, email: String },
    #[error("That account of {provider} is linked to another account here. Unlink it there first.")]
    ToAnother { provider: String },
    /// To confirm, somebody came back as another than those who are linked.
    #[error("That account of {provider} is not linked to yours, so it does not show that it is you.")]
    Stranger { provider: String },
    #[error("{provider} did not ask you again who you are. Please confirm in another way.")]
    NotFresh { provider: String },
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A round that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What it keeps until it comes back; see the module's text.
    pub token: String,
}

/// What a browser brings back in its address. Nothing of it is to be believed by itself.
#[derive(Debug, Clone, Default)]
pub struct Returned {
    pub state: String,
    pub code: String,
    pub error: String,
    pub issuer: Option<String>,
}

/// How a round ended.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is moved twice")]
pub enum Finished {
    /// Somebody is in, and goes on to a path of this site.
    SignedIn {
        signed_in: SignedIn,
        next: String,
    },
    /// Somebody has an authenticator app, and is asked for its code; the browser keeps this token meanwhile.
    Halfway {
        token: String,
    },
    Linked {
        before: bool,
    },
}

/// A round that failed, and what it was for where that is known.
pub struct Lost {
    pub error: RoundError,
    pub purpose: Option<Purpose>,
}

impl Console {
    /// Where the browser goes to be known by a provider. `next` is a path of this site, looked at by whoever calls.
    pub async fn begin_round(
        &self,
        provider: &str,
        purpose: Purpose,
        (next, time_zone): (&str, &str),
        address: IpAddr,
    ) -> Result<Begun, RoundError> {
        let provider = self.providers.find(provider).ok_or(RoundError::Unknown)?;
        let now = self.clock.now();
        self.rounds.attempt(address, now).map_err(|retry_after_s| RoundError::TooMany { retry_after_s })?;
        let (state, token) = (alphanumeric(&*self.random, LEN), alphanumeric(&*self.random, LEN));
        let words = Words::of(self, provider, &token);
        let trip = words.trip(&state, matches!(purpose, Purpose::Confirm(_)));
        let url = provider.way_there(&trip, now).await.map_err(|fault| told(provider, &fault))?;
        let round = Round {
            state_hash: hash(&state),
            browser_hash: hash(&token),
            provider: provider.settings.id.clone(),
            purpose,
            next: path(next),
            time_zone: zone(time_zone),
            created_at: now,
            expires_at: now.saturating_add(LIFETIME_S * SECOND),
        };
        self.store.insert_provider_round(&round).await.map_err(Error::from)?;
        Ok(Begun { url, token })
    }

    /// Begins to link what somebody is elsewhere to who they are here.
    ///
    /// Errors: an account that is suspended or whose e-mail is not verified (403), and those of [`Console::begin_round`].
    pub async fn begin_link(
        &self,
        recent: &Recent,
        provider: &str,
        next: &str,
        address: IpAddr,
    ) -> Result<Begun, RoundError> {
        let caller = Customer::on_page(recent.user().clone());
        caller.must_write()?;
        // Who only claims an e-mail may lose it to whoever reads that mailbox, and with it every way in.
        caller.must_be_verified()?;
        self.begin_round(provider, Purpose::Link(recent.user().id), (next, "UTC"), address).await
    }

    /// Takes a browser back that was at a provider. `token` is what it has kept, `session` who is signed in there.
    pub async fn finish_round(
        &self,
        provider: &str,
        returned: &Returned,
        token: Option<&str>,
        session: Option<(&str, SessionRow)>,
    ) -> Result<Finished, Lost> {
        let lost = |purpose| move |error| Lost { error, purpose };
        let provider = self.providers.find(provider).ok_or(RoundError::Unknown).map_err(lost(None))?;
        let round = self.take_round(provider, &returned.state, token).await.map_err(lost(None))?;
        let token = token.unwrap_or_default();
        self.end_round(provider, returned, (&round, token), session).await.map_err(lost(Some(round.purpose)))
    }

    /// The round that this browser began with this provider; there is none a second time.
    async fn take_round(
        &self,
        provider: &Provider,
        state: &str,
        token: Option<&str>,
    ) -> Result<Round, RoundError> {
        let token = token.ok_or(RoundError::Stale)?;
        let found = self.store.take_provider_round(hash(state), hash(token), self.clock.now()).await;
        let round = found.map_err(Error::from)?.ok_or(RoundError::Stale)?;
        if round.provider == provider.settings.id { Ok(round) } else { Err(RoundError::Stale) }
    }

    async fn end_round(
        &self,
        provider: &Provider,
        returned: &Returned,
        (round, token): (&Round, &str),
        session: Option<(&str, SessionRow)>,
    ) -> Result<Finished, RoundError> {
        let name = || provider.settings.name.clone();
        match returned.error.as_str() {
            "" => {}
            "access_denied" => return Err(RoundError::Denied { provider: name() }),
            other => return Err(told(provider, &Fault::Refused(crate::auth::providers::word(other)))),
        }
        let words = Words::of(self, provider, token);
        let trip = words.trip(&returned.state, matches!(round.purpose, Purpose::Confirm(_)));
        let arrival = Arrival { code: &returned.code, issuer: returned.issuer.as_deref() };
        let person = provider.who_came(&trip, arrival, self.clock.now()).await;
        let person = person.map_err(|fault| told(provider, &fault))?;
        match (round.purpose, session) {
            (Purpose::SignIn, session) => {
                let user = self.user_of(provider, round, person).await?;
                match self.enter(user, &round.next, (session.map(|(token, _)| token), &name())).await? {
                    Entered::In(signed_in) => Ok(Finished::SignedIn { signed_in, next: round.next.clone() }),
                    Entered::Halfway { token } => Ok(Finished::Halfway { token }),
                }
            }
            (Purpose::Link(user), Some((_, session))) if session.user.id == user => {
                self.link(provider, session.user, person).await
            }
            (Purpose::Confirm(user), Some((token, session))) if session.user.id == user => {
                self.must_be(provider, &session.user, round.created_at, &person).await?;
                let signed_in = self.open_session(session.user, Some(token)).await?;
                self.note_access(signed_in.user.id, Access::Confirmed, &name()).await;
                Ok(Finished::SignedIn { signed_in, next: round.next.clone() })
            }
            // Whoever began it is no longer the one who is signed in.
            (Purpose::Link(_) | Purpose::Confirm(_), _) => Err(RoundError::Stale),
        }
    }

    /// The user who is known by this identity; else a new one, if nobody has the e-mail.
    async fn user_of(
        &self,
        provider: &Provider,
        round: &Round,
        person: Person,
    ) -> Result<UserRow, RoundError> {
        let known = self.find_by_identity(&person).await?;
        if let Some(user) = known {
            if let Err(error) = self.store.touch_identity(&person.identity, self.clock.now()).await {
                tracing::warn!(%error, "an identity's last use was not noted");
            }
            return Ok(user);
        }
        let name = || provider.settings.name.clone();
        let Some(email) = person.verified_email.clone() else {
            return Err(RoundError::Unverified { provider: name() });
        };
        for attempt in 0..NAMES {
            let user = self.new_user(round, &person, &email, attempt);
            match self.store.insert_user_with_identity(&user, &person.identity).await {
                Ok(Joined::New) => {
                    if let Err(error) = self.give_sign_up_credits(user.id, user.account_id).await {
                        tracing::warn!(%error, user = %user.id, "the credits for signing up have to wait");
                    }
                    let made = self.store.find_user(user.id).await.map_err(Error::from)?;
                    return made.ok_or_else(|| Error::Unauthorized.into());
                }
                Ok(Joined::Known) => {
                    let known = self.find_by_identity(&person).await?;
                    return known.ok_or(RoundError::Stale);
                }
                Ok(Joined::EmailTaken) => return Err(RoundError::EmailTaken { provider: name(), email }),
                Err(error) if error.violated_unique().as_deref() == Some("users.user_name") => {}
                Err(error) => return Err(Error::from(error).into()),
            }
        }
        Err(Error::internal("no user name was free").into())
    }

    async fn find_by_identity(&self, person: &Person) -> Result<Option<UserRow>, Error> {
        let identity = &person.identity;
        Ok(self.store.find_user_by_identity(&identity.issuer, &identity.subject).await?)
    }

    fn new_user(&self, round: &Round, person: &Person, email: &str, attempt: u32) -> NewUser {
        let now = self.clock.now();
        let mut user_name = user_name(person, email);
        if attempt > 0 {
            user_name = format!("{user_name}-{:04}", number_below(&*self.random, 10_000));
        }
        NewUser {
            id: random::user_id(&*self.random, now),
            account_id: random::account_id(&*self.random, now),
            email: email.to_owned(),
            name: full_name(person, email),
            user_name,
            password_hash: None,
            verified_at: Some(now),
            is_operator: false,
            time_zone: match &person.time_zone {
                Some(theirs) if round.time_zone == "UTC" => zone(theirs),
                _ => round.time_zone.clone(),
            },
            created_at: now,
        }
    }

    async fn link(&self, provider: &Provider, user: UserRow, person: Person) -> Result<Finished, RoundError> {
        let letter = Letter::WayAdded { name: user.name, provider: provider.settings.name.clone() };
        let mail = self.compose_mail(&user.email, &letter);
        let now = self.clock.now();
        match self.store.link_identity(user.id, &person.identity, now, &mail).await.map_err(Error::from)? {
            Linked::New => {
                self.mail_written(&mail);
                self.note_access(user.id, Access::ProviderLinked, &provider.settings.name).await;
                Ok(Finished::Linked { before: false })
            }
            Linked::Before => Ok(Finished::Linked { before: true }),
            Linked::ToAnother => Err(RoundError::ToAnother { provider: provider.settings.name.clone() }),
        }
    }

    /// Whether it is this user who came back, and whether they have shown so after the round began.
    async fn must_be(
        &self,
        provider: &Provider,
        user: &UserRow,
        began_at: Timestamp,
        person: &Person,
    ) -> Result<(), RoundError> {
        let name = || provider.settings.name.clone();
        let known = self.find_by_identity(person).await?;
        if known.is_none_or(|known| known.id != user.id) {
            return Err(RoundError::Stranger { provider: name() });
        }
        let is_fresh = match person.signed_in_at {
            Some(at) => at.saturating_add(LEEWAY) >= began_at,
            // Google and GitHub never say; for those who have nothing better a new code from there must do.
            None => !provider.dates_sign_ins() && user.password_hash.is_none(),
        };
        if is_fresh { Ok(()) } else { Err(RoundError::NotFresh { provider: name() }) }
    }
}

/// What belongs to a browser's token.
struct Words {
    redirect_uri: String,
    nonce: String,
    verifier: String,
}

impl Words {
    fn of(console: &Console, provider: &Provider, token: &str) -> Self {
        Self {
            redirect_uri: console.link_to(&format!("/sign-in/{}/callback", provider.settings.id)),
            nonce: derived("nonce", token),
            verifier: derived("verifier", token),
        }
    }

    fn trip<'a>(&'a self, state: &'a str, is_fresh: bool) -> Trip<'a> {
        let Self { redirect_uri, nonce, verifier } = self;
        Trip { redirect_uri, state, nonce, verifier, is_fresh }
    }
}

/// Writes down what a provider did, and says what of it is for everybody.
fn told(provider: &Provider, fault: &Fault) -> RoundError {
    tracing::warn!(provider = %provider.settings.id, %fault, "a provider did not say who somebody is");
    let provider = provider.settings.name.clone();
    match fault {
        Fault::Unreachable(_) | Fault::Refused(_) => RoundError::Unreachable { provider },
        Fault::Untrusted(_) => RoundError::Untrusted { provider },
    }
}

/// A path to go on to, unless it is too long to be kept.
pub(super) fn path(next: &str) -> String {
    if next.len() > LONGEST_PATH { "/".to_owned() } else { next.to_owned() }
}

/// The zone by its IANA name; what is none becomes UTC.
fn zone(text: &str) -> String {
    text.parse().map_or_else(|_| "UTC".to_owned(), |zone: Zone| zone.name().to_owned())
}

/// What to call somebody new: as they are called there, else by their address.
fn full_name(person: &Person, email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default();
    let words = [person.name.as_deref(), person.user_name.as_deref(), Some(local)];
    let mut words = words.into_iter().flatten().map(str::trim);
    words.find(|name| is_name(name)).unwrap_or("New user").to_owned()
}

/// A user name like theirs, if nobody has it.
fn user_name(person: &Person, email: &str) -> String {
    let theirs = person.user_name.as_deref().unwrap_or(email);
    let local = theirs.split('@').next().unwrap_or_default().to_ascii_lowercase();
    let is_known = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let plain: String = local
        .chars()
        .filter(is_known)
        .skip_while(|first| !first.is_ascii_alphanumeric())
        .take(USER_NAME)
        .collect();
    if is_user_name(&plain) { plain } else { "user".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Identity;

    fn person(name: Option<&str>, user_name: Option<&str>) -> Person {
        let text = |text: &str| text.to_owned();
        Person {
            identity: Identity { issuer: text("i"), subject: text("s"), label: text("l") },
            verified_email: None,
            name: name.map(text),
            user_name: user_name.map(text),
            time_zone: None,
            signed_in_at: None,
        }
    }

    #[test]
    fn somebody_new_is_called_as_they_are_called_there() {
        for (name, user, email, called, short) in [
            (Some(" Ada Lovelace "), Some("Ada"), "a@b", "Ada Lovelace", "ada"),
            (None, Some("--Ada.L!"), "a@b", "--Ada.L!", "ada.l"),
            (Some("\u{202e}"), None, "Grace+x@b", "Grace+x", "gracex"),
            (Some("a\nb"), Some("ada@example.com"), "a@b", "ada@example.com", "ada"),
            (None, Some("李"), "a@b", "李", "user"),
        ] {
            let person = person(name, user);
            assert_eq!(
                (full_name(&person, email).as_str(), user_name(&person, email).as_str()),
                (called, short)
            );
        }
        assert_eq!(user_name(&person(None, Some(&"a".repeat(100))), "a@b").len(), USER_NAME);
    }

    #[test]
    fn what_is_no_zone_is_utc() {
        assert_eq!((zone("europe/berlin").as_str(), zone("Mars/Olympus").as_str()), ("Europe/Berlin", "UTC"));
    }
}
