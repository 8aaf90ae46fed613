//! Who the sample account is, and its keys.

use std::collections::BTreeMap;

use ledger::{AccountId, KeyId, UserId};

use super::chance::Chance;
use super::team::Key;
use crate::auth::tokens::{Family, Secret, SecretHash};
use crate::console::{Console, Error};
use crate::random::{account_id, alphanumeric, key_id, user_id};
use crate::store::{NewApiKey, NewServiceKey, NewUser, Permission, Scope, Scopes};

/// How the owner signs in.
pub const EMAIL: &str = "demo@example.com";
/// Where the team works.
pub const TIME_ZONE: &str = "Europe/Berlin";
/// The only source that its service key may report for.
pub const SOURCE: &str = "demo";
/// Letters and digits of the password.
const PASSWORD: usize = 16;

/// The account, before its first entry.
#[derive(Debug, Clone)]
pub struct Account {
    pub user_id: UserId,
    pub id: AccountId,
    pub no: i64,
    pub service_key: KeyId,
    pub password: String,
}

impl Account {
    /// Makes owner, account and the platform's key for it. Ids come from `chance`; secrets do not.
    pub async fn open(console: &Console, chance: &Chance) -> Result<Self, Error> {
        let now = console.clock.now();
        let password = alphanumeric(&*console.random, PASSWORD);
        let user = NewUser {
            id: user_id(chance, now),
            account_id: account_id(chance, now),
            email: EMAIL.to_owned(),
            name: "Robin Hale".to_owned(),
            user_name: "demo".to_owned(),
            password_hash: Some(console.passwords.hash(password.clone(), &*console.random).await?),
            verified_at: Some(now),
            is_operator: false,
            time_zone: TIME_ZONE.to_owned(),
            created_at: now,
        };
        let no = console.store.insert_user(&user).await?;
        let secret = Secret::new(Family::Service, &*console.random);
        let service_key = NewServiceKey {
            id: key_id(chance),
            name: "Demo".to_owned(),
            secret_hash: secret.hash(),
            key_prefix: secret.shown_prefix().to_owned(),
            key_suffix: secret.shown_suffix().to_owned(),
            scopes: Scopes::of([Scope::Charge]),
            source: Some(SOURCE.to_owned()),
            debt_limit: None,
            line: None,
            created_at: now,
        };
        console.store.insert_service_key(&service_key).await?;
        Ok(Self { user_id: user.id, id: user.account_id, no, service_key: service_key.id, password })
    }

    /// Makes a customer's key whose secret nobody gets to know.
    pub async fn add_key(
        &self,
        console: &Console,
        chance: &Chance,
        key: Key,
    ) -> Result<(KeyId, SecretHash), Error> {
        let secret = Secret::new(Family::Customer, &*console.random);
        let new = NewApiKey {
            id: key_id(chance),
            account_no: self.no,
            user_id: self.user_id,
            name: key.name().to_owned(),
            secret_hash: secret.hash(),
            key_prefix: secret.shown_prefix().to_owned(),
            key_suffix: secret.shown_suffix().to_owned(),
            permission: Permission::ReadWrite,
            created_at: console.clock.now(),
            expires_at: None,
            limit: None,
        };
        console.store.insert_api_key(&new).await?;
        Ok((new.id, secret.hash()))
    }
}

impl Key {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "Production",
            Self::Notebook => "Notebooks",
            Self::Nightly => "Nightly tests",
        }
    }
}

/// The hashes of the keys that exist so far.
pub type Keys = BTreeMap<Key, SecretHash>;
