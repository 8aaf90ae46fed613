//! What has become of the keys and sessions that streams were opened with, of all of them in one statement.

use std::collections::HashMap;

use ledger::chain::Digest;
use ledger::{KeyId, Timestamp};

use super::accounts::{AccountStatus, account_status};
use super::dialect::{Dialect as _, Sql};
use super::rows::parse_text;
use super::{Store, StoreError, read};

/// What somebody was let in by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pass {
    /// A customer's key.
    Key(KeyId),
    /// SHA-256 of the token of a session.
    Session([u8; 32]),
}

/// What it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    pub is_suspended: bool,
    /// Whether the user's e-mail is verified.
    pub is_verified: bool,
}

/// Keys by their ids (`$1`), sessions by their hashes in lower-case hex (`$2`), both JSON arrays; `$3`: how long a session that
/// nobody uses goes on, in microseconds.
macro_rules! standings {
    ($is_key:literal, $hex:literal, $is_session:literal) => {
        concat!(
            "SELECT k.id AS pass, k.expires_at, ",
            account_status!(),
            ", u.verified_at IS NOT NULL AS is_verified FROM api_keys k \
             JOIN accounts a ON a.no = k.account JOIN users u ON u.id = k.user_id WHERE k.revoked_at IS NULL AND k.id ",
            $is_key,
            " UNION ALL SELECT ",
            $hex,
            ", CASE WHEN s.last_seen_at + $3 < s.expires_at THEN s.last_seen_at + $3 ELSE s.expires_at END, ",
            account_status!(),
            ", u.verified_at IS NOT NULL FROM sessions s JOIN users u ON u.id = s.user_id \
             JOIN accounts a ON a.no = u.personal_account WHERE s.token_hash ",
            $is_session,
        )
    };
}

const STANDINGS: Sql = Sql {
    sqlite: standings!(
        "IN (SELECT value FROM json_each($1))",
        "lower(hex(s.token_hash))",
        "IN (SELECT unhex(value) FROM json_each($2))"
    ),
    postgres: standings!(
        "= ANY(ARRAY(SELECT json_array_elements_text(CAST($1 AS JSON))))",
        "encode(s.token_hash, 'hex')",
        "= ANY(ARRAY(SELECT decode(text, 'hex') FROM json_array_elements_text(CAST($2 AS JSON)) AS text))"
    ),
};

#[derive(sqlx::FromRow)]
struct Row {
    pass: String,
    expires_at: Option<i64>,
    status: String,
    is_verified: bool,
}

impl Store {
    /// What these are worth; those that are missing have ended. One that has run out may still be there.
    pub async fn standings(
        &self,
        passes: &[Pass],
        session_idle: i64,
    ) -> Result<HashMap<Pass, Standing>, StoreError> {
        let (mut keys, mut sessions) = (vec![], vec![]);
        for pass in passes {
            match pass {
                Pass::Key(id) => keys.push(id.to_string()),
                Pass::Session(hash) => sessions.push(Digest(*hash).to_string()),
            }
        }
        // A list of texts always has a JSON form.
        let list = |texts: &[String]| serde_json::to_string(texts).unwrap_or_default();
        let (keys, sessions) = (list(&keys), list(&sessions));
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(db.says(STANDINGS))
            .bind(keys)
            .bind(sessions)
            .bind(session_idle)
            .fetch_all(db)
            .await?))?;
        rows.iter().map(Row::standing).collect()
    }
}

impl Row {
    fn standing(&self) -> Result<(Pass, Standing), StoreError> {
        let pass = match Digest::from_hex(&self.pass) {
            Some(hash) => Pass::Session(hash.0),
            None => Pass::Key(parse_text(&self.pass, "api_keys", "id")?),
        };
        let is_suspended = AccountStatus::read(&self.status, "of a key or session")? != AccountStatus::Active;
        let until = self.expires_at.map(Timestamp::from_micros);
        Ok((pass, Standing { until, is_suspended, is_verified: self.is_verified }))
    }
}
