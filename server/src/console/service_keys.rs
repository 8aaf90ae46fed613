//! Keys of the platform's own services: made, listed and revoked by the operator.

use ledger::event::EventKey;
use ledger::{Credits, KeyId, Timestamp};

use super::users::is_name;
use super::{Console, Error, Reasons};
use crate::auth::tokens::{Family, Secret};
use crate::random;
use crate::store::{NewServiceKey, Scopes, ServiceKeyRow};

/// A service key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKeyForm {
    /// 1–100 characters.
    pub name: String,
    pub scopes: Scopes,
    /// The only source it may report for; `None`: any.
    pub source: Option<String>,
    /// Up to which debt it may let an account owe; `None`: it may not.
    pub debt_limit: Option<Credits>,
}

/// A new service key and its secret, which is kept nowhere.
#[derive(Debug, Clone)]
pub struct ServiceKeyCreated {
    pub key_id: KeyId,
    pub secret: Secret,
}

impl Console {
    /// Makes a service key. Errors: fields out of range (422).
    pub async fn create_service_key(&self, form: ServiceKeyForm) -> Result<ServiceKeyCreated, Error> {
        let name = form.name.trim().to_owned();
        if !is_name(&name) {
            return Err(Error::field("name", "must be one line of 1 to 100 characters"));
        }
        if let Some(source) = &form.source {
            EventKey::parse(source, "any")?;
        }
        if form.debt_limit.is_some_and(Credits::is_zero) {
            return Err(Error::field("debt_limit", "must be more than zero"));
        }
        self.insert_service_key(ServiceKeyForm { name, ..form }, None).await
    }

    /// Makes a key of the same name, scopes, source and debt limit in the place of one, which works until it is revoked. The holds of
    /// either are those of both. Errors: no such key (404), a revoked one (409).
    pub async fn rotate_service_key(&self, id: &KeyId) -> Result<ServiceKeyCreated, Error> {
        let old = self.store.list_service_keys().await?.into_iter().find(|key| key.id == *id);
        let old = old.ok_or_else(unknown)?;
        if old.revoked_at.is_some() {
            let message = "This key has been revoked; make a new one instead.";
            return Err(Error::Conflict { message, fields: vec!["status"] });
        }
        let ServiceKeyRow { name, scopes, source, debt_limit, line, .. } = old;
        self.insert_service_key(ServiceKeyForm { name, scopes, source, debt_limit }, Some(line)).await
    }

    /// With a line, it takes the place of the others in it.
    async fn insert_service_key(
        &self,
        form: ServiceKeyForm,
        line: Option<KeyId>,
    ) -> Result<ServiceKeyCreated, Error> {
        let secret = Secret::new(Family::Service, &*self.random);
        let key = NewServiceKey {
            id: random::key_id(&*self.random),
            name: form.name,
            secret_hash: secret.hash(),
            key_prefix: secret.shown_prefix().to_owned(),
            key_suffix: secret.shown_suffix().to_owned(),
            scopes: form.scopes,
            source: form.source,
            debt_limit: form.debt_limit,
            line,
            created_at: self.clock.now(),
        };
        self.store.insert_service_key(&key).await?;
        Ok(ServiceKeyCreated { key_id: key.id, secret })
    }

    /// All service keys, the newest first.
    pub async fn list_service_keys(&self) -> Result<Vec<ServiceKeyRow>, Error> {
        Ok(self.store.list_service_keys().await?)
    }

    /// Revokes a service key for good, and says since when; again changes nothing. Errors: no such key (404).
    pub async fn revoke_service_key(&self, id: &KeyId) -> Result<Timestamp, Error> {
        let revoked_at = self.store.revoke_service_key(id, self.clock.now()).await?;
        revoked_at.ok_or_else(unknown)
    }
}

fn unknown() -> Error {
    Error::NotFound { details: Reasons::from([("id".into(), "is unknown".into())]) }
}
