//! Accounts that end: closed at once, erased after a while. What an erased account has left are ids and amounts.

use ledger::{Timestamp, UserId};

use super::access_log::AccessRows as _;
use super::dialect::{Dialect as _, Sql};
use super::mails::MailRows as _;
use super::rows::parse_text;
use super::{NewAccess, NewMail, Store, StoreError, change, note, read};

/// Rows of dimensions that are erased in one transaction.
const STEP: i64 = 2_000;

/// An account to close, with the letter that says how to keep it.
#[derive(Debug)]
pub struct NewClosing {
    pub user_id: UserId,
    pub account_no: i64,
    pub now: Timestamp,
    /// When it is erased.
    pub closes_at: Timestamp,
    /// SHA-256 of the token of the one session that goes on.
    pub kept_session: [u8; 32],
    pub mail: NewMail,
    pub access: NewAccess,
}

/// What goes with a user; `$1`. Who signs in by what comes first.
const OF_USER: [&str; 15] = [
    "DELETE FROM identities WHERE user_id = $1",
    "DELETE FROM passkeys WHERE user_id = $1",
    "DELETE FROM passkey_handles WHERE user_id = $1",
    "DELETE FROM passkey_challenges WHERE user_id = $1",
    "DELETE FROM totp_secrets WHERE user_id = $1",
    "DELETE FROM recovery_codes WHERE user_id = $1",
    "DELETE FROM second_steps WHERE user_id = $1",
    "DELETE FROM sessions WHERE user_id = $1",
    "DELETE FROM one_time_links WHERE user_id = $1",
    "DELETE FROM email_changes WHERE user_id = $1",
    "DELETE FROM provider_rounds WHERE user_id = $1",
    "DELETE FROM access_log WHERE user_id = $1",
    "DELETE FROM problem_reports WHERE user_id = $1",
    "DELETE FROM mails WHERE recipient IN (SELECT coalesce(claimed_email, email) FROM users WHERE id = $1)",
    "UPDATE users SET email = id, claimed_email = NULL, sign_up_form = NULL, name = '', user_name = id, password_hash = NULL, \
     credits_due_at = NULL, is_operator = 0 WHERE id = $1",
];

/// What services have said about the events of an account (`$1`), in steps of `$2`: first what they said, then what was counted by it.
const DIMENSIONS: [Sql; 2] = [
    Sql {
        sqlite: "DELETE FROM event_dimensions WHERE (account, seq) IN \
                 (SELECT account, seq FROM event_dimensions WHERE account = $1 LIMIT $2)",
        postgres: "DELETE FROM event_dimensions WHERE ctid = ANY(ARRAY( \
                   SELECT ctid FROM event_dimensions WHERE account = $1 LIMIT $2))",
    },
    Sql {
        sqlite: "DELETE FROM dimension_rollups WHERE (account, dimension, bucket, operation, api_key, value) IN \
                 (SELECT account, dimension, bucket, operation, api_key, value FROM dimension_rollups WHERE account = $1 LIMIT $2)",
        postgres: "DELETE FROM dimension_rollups WHERE ctid = ANY(ARRAY( \
                   SELECT ctid FROM dimension_rollups WHERE account = $1 LIMIT $2))",
    },
];

impl Store {
    /// Closes an account: its keys stop, and other sessions, links and wishes of its user end. Whether it was open.
    pub async fn close_account(&self, closing: &NewClosing) -> Result<bool, StoreError> {
        change!(self, db => {
            let closed = sqlx::query(
                "UPDATE accounts SET closes_at = $2 WHERE no = $1 AND closes_at IS NULL AND erased_at IS NULL",
            )
            .bind(closing.account_no)
            .bind(closing.closes_at.micros())
            .execute(&mut *db)
            .await?;
            if closed.rows_affected() == 0 {
                return Ok(false);
            }
            let user = closing.user_id.to_string();
            sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2")
                .bind(&user)
                .bind(closing.kept_session.to_vec())
                .execute(&mut *db)
                .await?;
            sqlx::query("DELETE FROM second_steps WHERE user_id = $1").bind(&user).execute(&mut *db).await?;
            sqlx::query("DELETE FROM email_changes WHERE user_id = $1").bind(&user).execute(&mut *db).await?;
            sqlx::query("UPDATE one_time_links SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL")
                .bind(&user)
                .bind(closing.now.micros())
                .execute(&mut *db)
                .await?;
            db.insert_mail(&closing.mail).await?;
            db.insert_access(&closing.access).await?;
            Ok(true)
        }, told_if |closed| closed)
    }

    /// Opens a closed account again; whether it was closed and is still there.
    pub async fn reopen_account(
        &self,
        account_no: i64,
        mail: &NewMail,
        access: &NewAccess,
    ) -> Result<bool, StoreError> {
        change!(self, db => {
            let opened = sqlx::query(
                "UPDATE accounts SET closes_at = NULL WHERE no = $1 AND closes_at IS NOT NULL AND erased_at IS NULL",
            )
            .bind(account_no)
            .execute(&mut *db)
            .await?;
            if opened.rows_affected() == 0 {
                return Ok(false);
            }
            db.insert_mail(mail).await?;
            db.insert_access(access).await?;
            Ok(true)
        }, told_if |opened| opened)
    }

    /// When a closed account is erased.
    pub async fn account_closes_at(&self, account_no: i64) -> Result<Option<Timestamp>, StoreError> {
        let found: Option<(Option<i64>,)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT closes_at FROM accounts WHERE no = $1 AND erased_at IS NULL",
        )
        .bind(account_no)
        .fetch_optional(db)
        .await?))?;
        Ok(found.and_then(|(at,)| at).map(Timestamp::from_micros))
    }

    /// Closed accounts that are to be erased by `now`, at most `limit`, with their users.
    pub async fn accounts_to_erase(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(UserId, i64)>, StoreError> {
        let rows: Vec<(String, i64)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT u.id, a.no FROM accounts a JOIN users u ON u.personal_account = a.no \
             WHERE a.closes_at <= $1 AND a.erased_at IS NULL ORDER BY a.closes_at LIMIT $2",
        )
        .bind(now.micros())
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(|(user, no)| Ok((parse_text(&user, "users", "id")?, no))).collect()
    }

    /// Erases who somebody was: nobody signs in any more, their keys are revoked, and the e-mail is free. Whether the account
    /// was still closed: somebody may have opened it again just then.
    pub async fn erase_account(
        &self,
        user: UserId,
        account_no: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        change!(self, db => {
            let erased = sqlx::query(
                "UPDATE accounts SET erased_at = $2, name = '', time_zone = 'UTC' \
                 WHERE no = $1 AND closes_at <= $2 AND erased_at IS NULL",
            )
            .bind(account_no)
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            if erased.rows_affected() == 0 {
                return Ok(false);
            }
            for statement in OF_USER {
                sqlx::query(statement).bind(user.to_string()).execute(&mut *db).await?;
            }
            sqlx::query("DELETE FROM api_key_requests WHERE key_id IN (SELECT id FROM api_keys WHERE account = $1)")
                .bind(account_no)
                .execute(&mut *db)
                .await?;
            sqlx::query("UPDATE api_keys SET name = '', revoked_at = coalesce(revoked_at, $2) WHERE account = $1")
                .bind(account_no)
                .bind(now.micros())
                .execute(&mut *db)
                .await?;
            Ok(true)
        }, told_if |erased| erased)
    }

    /// Erased accounts about whose events something is known still, at most `limit`.
    pub async fn half_erased_accounts(&self, limit: u32) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT no FROM accounts WHERE closes_at IS NOT NULL AND erased_at IS NOT NULL ORDER BY no LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))?;
        Ok(rows.into_iter().map(|(no,)| no).collect())
    }

    /// Erases some of what services have said about the events of an erased account; whether that was all of it.
    pub async fn erase_dimensions(&self, account_no: i64) -> Result<bool, StoreError> {
        note!(self, db => {
            for sql in DIMENSIONS {
                let erased = sqlx::query(db.says(sql)).bind(account_no).bind(STEP).execute(&mut *db).await?;
                if erased.rows_affected() > 0 {
                    return Ok(false);
                }
            }
            sqlx::query("UPDATE accounts SET closes_at = NULL WHERE no = $1 AND erased_at IS NOT NULL")
                .bind(account_no)
                .execute(&mut *db)
                .await?;
            Ok(true)
        })
    }
}
