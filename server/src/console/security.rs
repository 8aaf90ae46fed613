//! How users sign in, and what they change about that: their password, and the providers that are linked.

use std::net::IpAddr;

use app::backend::Viewer;
use app::backend::security::{
    PasskeyView, PasskeysView, ProviderView, SecondFactorView, SecurityView, WayView,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::labels::{at_label, zone_of};
use super::sessions::LOGGED_BESIDE;
use super::sign_in::{PASSWORD, SignInError, SignedIn};
use super::{Console, Error};
use crate::auth::Customer;
use crate::auth::providers::Provider;
use crate::auth::recent::Recent;
use crate::mail::Letter;
use crate::store::{Access, IdentityRow, PasskeyRow, PasswordChange, SessionRow, Unlinked, UserRow};

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The current one is another.
    #[error("This is not your password.")]
    Wrong,
    #[error("Too many attempts. Try again in {}.", super::error::minutes(*retry_after_s))]
    TooMany { retry_after_s: u64 },
    /// They sign in in other ways alone.
    #[error(
        "You have no password yet. \"Forgot your password?\" on the sign-in page sends you a link to set one."
    )]
    None,
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<SignInError> for PasswordError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::Wrong,
            SignInError::TooMany { retry_after_s } => Self::TooMany { retry_after_s },
            SignInError::Failed(error) => Self::Failed(error),
        }
    }
}

impl Console {
    /// Opens a new session for somebody who is signed in and proves once more who they are; the old one ends.
    pub async fn confirm(
        &self,
        (token, session): (&str, SessionRow),
        password: String,
        address: IpAddr,
    ) -> Result<SignedIn, SignInError> {
        self.knows_password(&session.user, password, address).await?;
        let signed_in = self.open_session(session.user, Some(token)).await?;
        self.note_access(signed_in.user.id, Access::Confirmed, PASSWORD).await;
        Ok(signed_in)
    }

    /// Sets another password for somebody who knows the one they have. All other sessions end, and a mail says so.
    ///
    /// Errors in this order: a suspended account (403), a wrong current password, a weak new one (422).
    pub async fn change_password(
        &self,
        session: SessionRow,
        (current, password): (String, String),
        address: IpAddr,
    ) -> Result<(), PasswordError> {
        Customer::on_page(session.user.clone()).must_write()?;
        let old = session.user.password_hash.clone().ok_or(PasswordError::None)?;
        self.knows_password(&session.user, current, address).await?;
        self.set_password(&Recent::just_now(session), old, password).await
    }

    async fn set_password(
        &self,
        recent: &Recent,
        old: String,
        password: String,
    ) -> Result<(), PasswordError> {
        let user = recent.user();
        let theirs = [user.name.clone(), user.user_name.clone(), user.email.clone()];
        if let Some(weakness) = self.weakness(&password, theirs).await? {
            return Err(Error::field("password", weakness).into());
        }
        let letter = Letter::PasswordChanged { name: user.name.clone() };
        let change = PasswordChange {
            old,
            new: self.passwords.hash(password, &*self.random).await?,
            kept_session: recent.session(),
            now: self.clock.now(),
            mail: self.compose_mail(&user.email, &letter),
        };
        if !self.store.change_password(user.id, &change).await.map_err(Error::from)? {
            return Err(PasswordError::Wrong);
        }
        self.live.access_changed(user.account_id);
        self.mail_written(&change.mail);
        self.note_access(user.id, Access::PasswordChanged, "").await;
        Ok(())
    }

    /// Takes a linked identity away, unless it is the last way in; a mail says so.
    ///
    /// Errors: a suspended account (403).
    pub async fn unlink(&self, recent: &Recent, issuer: &str, subject: &str) -> Result<Unlinked, Error> {
        let user = recent.user();
        Customer::on_page(user.clone()).must_write()?;
        let letter = Letter::WayRemoved { name: user.name.clone(), provider: self.provider_name(issuer) };
        let mail = self.compose_mail(&user.email, &letter);
        // What is no longer in the settings lets nobody in.
        let issuers = self.issuers();
        let issuers: Vec<&str> = issuers.iter().map(String::as_str).collect();
        let unlinked = self
            .store
            .unlink_identity(user.id, (issuer, subject), (&issuers, self.has_passkeys()), &mail)
            .await?;
        if unlinked == Unlinked::Done {
            self.mail_written(&mail);
            self.note_access(user.id, Access::ProviderUnlinked, &self.provider_name(issuer)).await;
        }
        Ok(unlinked)
    }

    /// Whose word lets somebody in.
    pub(super) fn issuers(&self) -> Vec<String> {
        self.providers.all().iter().map(|provider| provider.settings.issuer()).collect()
    }

    /// Ids and names of the providers by which this user can confirm who they are: those that ask anew, and for those who have no
    /// password the others too.
    pub async fn confirming_providers(&self, user: &UserRow) -> Result<Vec<(String, String)>, Error> {
        let linked = self.store.list_identities(user.id).await?;
        let is_linked = |issuer: &str| linked.iter().any(|row| row.identity.issuer == issuer);
        let may_confirm = |provider: &&Provider| provider.dates_sign_ins() || user.password_hash.is_none();
        let providers = self.providers.all().iter().filter(may_confirm).map(|provider| &provider.settings);
        Ok(providers
            .filter(|settings| is_linked(&settings.issuer()))
            .map(|settings| (settings.id.clone(), settings.name.clone()))
            .collect())
    }

    /// As the settings call an issuer; one that has left them by its host.
    fn provider_name(&self, issuer: &str) -> String {
        match self.providers.of_issuer(issuer) {
            Some(provider) => provider.settings.name.clone(),
            None => Url::parse(issuer)
                .ok()
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_else(|| issuer.to_owned()),
        }
    }

    /// How the viewer signs in, as stored. Errors: the user is gone (401).
    pub async fn security_view(&self, viewer: &Viewer, session: &SessionRow) -> Result<SecurityView, Error> {
        let user = self.store.find_user(viewer.user_id).await?.ok_or(Error::Unauthorized)?;
        let linked = self.store.list_identities(user.id).await?;
        let lets_in = |row: &IdentityRow| self.providers.of_issuer(&row.identity.issuer).is_some();
        let passkeys = self.passkeys_of(&user).await?;
        let is_on = self.has_passkeys();
        let ways_in = usize::from(user.password_hash.is_some())
            + linked.iter().filter(|row| lets_in(row)).count()
            + if is_on { passkeys.len() } else { 0 };
        let others = self.providers.all().iter().map(|provider| &provider.settings);
        let others =
            others.map(|settings| ProviderView { id: settings.id.clone(), name: settings.name.clone() });
        let ways = linked.iter().map(|row| {
            let is_last = lets_in(row) && ways_in == 1;
            self.way_view(viewer, row, is_last, lets_in(row))
        });
        let standing = self.second_factor(&user).await?;
        let second_factor = SecondFactorView {
            since: standing.since.map(|since| zone_of(viewer).format(since, "%-d %b %Y")),
            recovery_codes: standing.recovery_codes,
        };
        let passkeys = passkeys.iter().map(|row| self.passkey_view(viewer, row, ways_in == 1));
        Ok(SecurityView {
            email_change: self.email_change_view(viewer).await?,
            sessions: self.sessions_view(viewer, session).await?,
            accesses: self.accesses_view(viewer, None, LOGGED_BESIDE).await?.0,
            passkeys: PasskeysView { is_on, passkeys: passkeys.collect() },
            second_factor,
            ways: ways.collect(),
            others: others.collect(),
            has_password: user.password_hash.is_some(),
            is_verified: user.verified_at.is_some(),
            email: user.email,
        })
    }

    fn passkey_view(&self, viewer: &Viewer, row: &PasskeyRow, is_last: bool) -> PasskeyView {
        let (zone, now) = (zone_of(viewer), self.clock.now());
        PasskeyView {
            credential: URL_SAFE_NO_PAD.encode(&row.credential_id),
            name: row.name.clone(),
            since: zone.format(row.created_at, "%-d %b %Y"),
            last_used: row.last_used_at.map(|used| at_label(&zone, now, used)),
            is_last,
        }
    }

    fn way_view(&self, viewer: &Viewer, row: &IdentityRow, is_last: bool, lets_in: bool) -> WayView {
        let (zone, now) = (zone_of(viewer), self.clock.now());
        let identity = row.identity.clone();
        WayView {
            provider: self.provider_name(&identity.issuer),
            label: identity.label,
            since: zone.format(row.linked_at, "%-d %b %Y"),
            last_used: row.last_used_at.map(|used| at_label(&zone, now, used)),
            issuer: identity.issuer,
            subject: identity.subject,
            is_last,
            lets_in,
        }
    }
}
