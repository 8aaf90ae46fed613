//! Keys of the platform's own services.

use std::fmt;
use std::str::FromStr;

use ledger::{Credits, KeyId, Timestamp};

use super::rows::{Cell, Column, parse_text};
use super::{Store, StoreError, change, read};

/// One thing a service key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Check,
    Charge,
    Hold,
    Correct,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Check, Self::Charge, Self::Hold, Self::Correct];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Charge => "charge",
            Self::Hold => "hold",
            Self::Correct => "correct",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Several scopes. Written as their names with one space between them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// What a key made without naming any may do.
    pub fn usual() -> Self {
        Self::of([Scope::Check, Scope::Charge])
    }

    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.allows(*scope)).map(Scope::name)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.names().enumerate() {
            write!(out, "{}{name}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A text that is no list of scopes. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one or more of check, charge, hold and correct")]
pub struct UnknownScope;

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Reads names with commas or spaces between them.
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let mut scopes = Self::default();
        for name in text.split([',', ' ']).filter(|name| !name.is_empty()) {
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == name).ok_or(UnknownScope)?;
            scopes.0 |= scope.bit();
        }
        if scopes == Self::default() { Err(UnknownScope) } else { Ok(scopes) }
    }
}

/// A service key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKeyRow {
    pub id: KeyId,
    pub name: String,
    /// `plx_svc_` and four more.
    pub key_prefix: String,
    /// The secret's last four.
    pub key_suffix: String,
    pub scopes: Scopes,
    /// The only source it may report for; `None`: any.
    pub source: Option<String>,
    /// Up to which debt it may let an account owe; `None`: it may not.
    pub debt_limit: Option<Credits>,
    /// The first of the keys that replaced each other.
    pub line: KeyId,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// A service key to insert.
#[derive(Debug, Clone)]
pub struct NewServiceKey {
    pub id: KeyId,
    pub name: String,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    pub key_prefix: String,
    pub key_suffix: String,
    pub scopes: Scopes,
    pub source: Option<String>,
    pub debt_limit: Option<Credits>,
    /// Of the key that it replaces; `None`: it is the first.
    pub line: Option<KeyId>,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    key_prefix: String,
    key_suffix: String,
    scopes: String,
    source: Option<String>,
    debt_limit: Option<i64>,
    line: String,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for ServiceKeyRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let cell = || Cell { table: "service_keys", column: "scopes", row: row.id.clone() };
        Ok(Self {
            id: parse_text(&row.id, "service_keys", "id")?,
            line: parse_text(&row.line, "service_keys", "line")?,
            scopes: row.scopes.parse().map_err(|_| cell().corrupt(&row.scopes))?,
            name: row.name,
            key_prefix: row.key_prefix,
            key_suffix: row.key_suffix,
            source: row.source,
            debt_limit: match row.debt_limit {
                Some(limit) => Some(limit.read("service_keys", "debt_limit", &row.id)?),
                None => None,
            },
            created_at: Timestamp::from_micros(row.created_at),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
        })
    }
}

impl Store {
    pub async fn insert_service_key(&self, key: &NewServiceKey) -> Result<(), StoreError> {
        change!(self, db => {
            sqlx::query(
                "INSERT INTO service_keys (id, name, secret_hash, key_prefix, key_suffix, scopes, source, created_at, \
                 debt_limit, line) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(key.id.as_str())
            .bind(&key.name)
            .bind(key.secret_hash.to_vec())
            .bind(&key.key_prefix)
            .bind(&key.key_suffix)
            .bind(key.scopes.to_string())
            .bind(&key.source)
            .bind(key.created_at.micros())
            .bind(key.debt_limit.map(Credits::micros))
            .bind(key.line.as_ref().map(KeyId::as_str))
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// All service keys, the newest first.
    pub async fn list_service_keys(&self) -> Result<Vec<ServiceKeyRow>, StoreError> {
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(
            "SELECT id, name, key_prefix, key_suffix, scopes, source, debt_limit, coalesce(line, id) AS line, created_at, revoked_at \
             FROM service_keys ORDER BY created_at DESC, id",
        )
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(ServiceKeyRow::try_from).collect()
    }

    /// The key with this secret, revoked ones too.
    pub async fn find_service_key(&self, secret_hash: [u8; 32]) -> Result<Option<ServiceKeyRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(
            "SELECT id, name, key_prefix, key_suffix, scopes, source, debt_limit, coalesce(line, id) AS line, created_at, revoked_at \
             FROM service_keys WHERE secret_hash = $1",
        )
        .bind(secret_hash.to_vec())
        .fetch_optional(db)
        .await?))?;
        found.map(ServiceKeyRow::try_from).transpose()
    }

    /// Revokes a key and returns when that happened first; `None`: no such key.
    pub async fn revoke_service_key(
        &self,
        id: &KeyId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let found: Option<(i64,)> = change!(self, db => Ok(sqlx::query_as(
            "UPDATE service_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING revoked_at",
        )
        .bind(id.as_str())
        .bind(now.micros())
        .fetch_optional(&mut *db)
        .await?), told_if |found| found.is_some_and(|(revoked_at,): (i64,)| revoked_at == now.micros()))?;
        Ok(found.map(|(revoked_at,)| Timestamp::from_micros(revoked_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_back_from_what_they_print() {
        for text in ["check", "check charge", "check charge hold correct"] {
            assert_eq!(text.parse::<Scopes>().unwrap().to_string(), text);
        }
        assert_eq!("charge,check".parse::<Scopes>(), Ok(Scopes::usual()));
        for text in ["", " ", ",", "spend", "check,spend", "Check"] {
            assert_eq!(text.parse::<Scopes>(), Err(UnknownScope), "{text:?}");
        }
    }
}
