//! What somebody shows besides a password: codes of an authenticator app and recovery codes; and browsers in which they are asked
//! for one.

use ledger::{Timestamp, UserId};

use super::mails::MailRows as _;
use super::rows::parse_text;
use super::{NewMail, Store, StoreError, note, on_connection, read};

/// A secret, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    pub bytes: Vec<u8>,
    /// With the key of the settings.
    pub is_sealed: bool,
}

/// An authenticator app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpRow {
    pub secret: KeptSecret,
    pub created_at: Timestamp,
    /// `None`: it was shown, and is not in force.
    pub confirmed_at: Option<Timestamp>,
    /// Wrong codes since the last right one.
    pub failed: u64,
}

/// A browser in which somebody has shown one thing of two.
#[derive(Debug, Clone)]
pub struct NewSecondStep {
    /// SHA-256 of what the browser keeps.
    pub browser_hash: [u8; 32],
    pub user_id: UserId,
    /// A path of this site.
    pub next: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The same, as it is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondStep {
    pub user_id: UserId,
    pub next: String,
    /// Wrong ones, and the one that is being looked at.
    pub tries: u64,
}

#[derive(sqlx::FromRow)]
struct TotpColumns {
    secret: Vec<u8>,
    is_sealed: i64,
    created_at: i64,
    confirmed_at: Option<i64>,
    failed: i64,
}

impl From<TotpColumns> for TotpRow {
    fn from(row: TotpColumns) -> Self {
        Self {
            secret: KeptSecret { bytes: row.secret, is_sealed: row.is_sealed != 0 },
            created_at: Timestamp::from_micros(row.created_at),
            confirmed_at: row.confirmed_at.map(Timestamp::from_micros),
            failed: row.failed.unsigned_abs(),
        }
    }
}

type StepColumns = (String, String, i64);

fn step((user, next, tries): StepColumns) -> Result<SecondStep, StoreError> {
    let user_id = parse_text(&user, "second_steps", "user_id")?;
    Ok(SecondStep { user_id, next, tries: tries.unsigned_abs() })
}

on_connection! {
    trait RecoveryRows {
        /// Puts these in the place of all that the user has.
        async fn put_recovery_codes(&mut db, user: UserId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
            sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1")
                .bind(user.to_string())
                .execute(&mut *db)
                .await?;
            for hash in hashes {
                sqlx::query("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)")
                    .bind(user.to_string())
                    .bind(hash.to_vec())
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        }
    }
}

impl Store {
    /// The user's app, also one that was only shown.
    pub async fn find_totp(&self, user: UserId) -> Result<Option<TotpRow>, StoreError> {
        let found: Option<TotpColumns> = read!(self, db => Ok(sqlx::query_as(
            "SELECT secret, is_sealed, created_at, confirmed_at, failed FROM totp_secrets WHERE user_id = $1",
        )
        .bind(user.to_string())
        .fetch_optional(db)
        .await?))?;
        Ok(found.map(TotpRow::from))
    }

    /// Keeps a secret that is shown now and not in force; not where one is.
    pub async fn prepare_totp(
        &self,
        user: UserId,
        secret: &KeptSecret,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query(
                "INSERT INTO totp_secrets (user_id, secret, is_sealed, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, is_sealed = excluded.is_sealed, \
                 created_at = excluded.created_at, failed = 0 WHERE totp_secrets.confirmed_at IS NULL",
            )
            .bind(user.to_string())
            .bind(&secret.bytes)
            .bind(i64::from(secret.is_sealed))
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// Puts a secret that was shown into force, with its recovery codes. Whether it did: not where another one was shown since, or
    /// one is in force.
    pub async fn confirm_totp(
        &self,
        user: UserId,
        (secret, step): (&KeptSecret, i64),
        hashes: &[[u8; 32]],
        (mail, now): (&NewMail, Timestamp),
    ) -> Result<bool, StoreError> {
        note!(self, db => {
            let updated = sqlx::query(
                "UPDATE totp_secrets SET confirmed_at = $4, last_step = $3, failed = 0 \
                 WHERE user_id = $1 AND secret = $2 AND confirmed_at IS NULL",
            )
            .bind(user.to_string())
            .bind(&secret.bytes)
            .bind(step)
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            if updated.rows_affected() == 0 {
                return Ok(false);
            }
            db.put_recovery_codes(user, hashes).await?;
            db.insert_mail(mail).await?;
            Ok(true)
        })
    }

    /// Takes the app and all recovery codes away, with what was begun by them; whether there was one in force.
    pub async fn remove_totp(&self, user: UserId, mail: &NewMail) -> Result<bool, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM totp_secrets WHERE user_id = $1 AND confirmed_at IS NOT NULL")
                .bind(user.to_string())
                .execute(&mut *db)
                .await?;
            if deleted.rows_affected() == 0 {
                return Ok(false);
            }
            db.put_recovery_codes(user, &[]).await?;
            sqlx::query("DELETE FROM second_steps WHERE user_id = $1").bind(user.to_string()).execute(&mut *db).await?;
            db.insert_mail(mail).await?;
            Ok(true)
        })
    }

    /// Counts a code before it is looked at, so that those that come at once are counted too; not more than `most` wrong ones in a
    /// row. How many there are with it; `None`: there were too many, and it is not to be looked at.
    pub async fn count_code(&self, user: UserId, most: u64) -> Result<Option<u64>, StoreError> {
        let counted: Option<(i64,)> = note!(self, db => Ok(sqlx::query_as(
            "UPDATE totp_secrets SET failed = failed + 1 WHERE user_id = $1 AND failed < $2 RETURNING failed",
        )
        .bind(user.to_string())
        .bind(most.cast_signed())
        .fetch_optional(&mut *db)
        .await?))?;
        Ok(counted.map(|(failed,)| failed.unsigned_abs()))
    }

    /// Takes the code of this step, which counts once: neither it nor an earlier one counts afterwards. Whether it did.
    pub async fn take_totp_step(&self, user: UserId, step: i64) -> Result<bool, StoreError> {
        note!(self, db => {
            let updated = sqlx::query(
                "UPDATE totp_secrets SET last_step = $2, failed = 0 \
                 WHERE user_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL",
            )
            .bind(user.to_string())
            .bind(step)
            .execute(&mut *db)
            .await?;
            Ok(updated.rows_affected() > 0)
        })
    }

    /// Takes a recovery code, once, and writes the mail that says so; how many are left. `None`: it is none of theirs, or was used before.
    pub async fn take_recovery_code(
        &self,
        user: UserId,
        hash: [u8; 32],
        (mail, now): (&NewMail, Timestamp),
    ) -> Result<Option<u64>, StoreError> {
        note!(self, db => {
            let updated = sqlx::query(
                "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
            )
            .bind(user.to_string())
            .bind(hash.to_vec())
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            if updated.rows_affected() == 0 {
                return Ok(None);
            }
            sqlx::query("UPDATE totp_secrets SET failed = 0 WHERE user_id = $1")
                .bind(user.to_string())
                .execute(&mut *db)
                .await?;
            let (left,): (i64,) =
                sqlx::query_as("SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL")
                    .bind(user.to_string())
                    .fetch_one(&mut *db)
                    .await?;
            db.insert_mail(mail).await?;
            Ok(Some(left.unsigned_abs()))
        })
    }

    /// Recovery codes that have not been used.
    pub async fn count_recovery_codes(&self, user: UserId) -> Result<u64, StoreError> {
        let (left,): (i64,) = read!(self, db => Ok(sqlx::query_as(
            "SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL",
        )
        .bind(user.to_string())
        .fetch_one(db)
        .await?))?;
        Ok(left.unsigned_abs())
    }

    /// Puts other recovery codes in the place of all of theirs; whether they have an app at all.
    pub async fn replace_recovery_codes(
        &self,
        user: UserId,
        hashes: &[[u8; 32]],
        mail: &NewMail,
    ) -> Result<bool, StoreError> {
        note!(self, db => {
            let app: Option<(String,)> =
                sqlx::query_as("SELECT user_id FROM totp_secrets WHERE user_id = $1 AND confirmed_at IS NOT NULL")
                    .bind(user.to_string())
                    .fetch_optional(&mut *db)
                    .await?;
            if app.is_none() {
                return Ok(false);
            }
            db.put_recovery_codes(user, hashes).await?;
            db.insert_mail(mail).await?;
            Ok(true)
        })
    }

    pub async fn insert_second_step(&self, step: &NewSecondStep) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query(
                "INSERT INTO second_steps (browser_hash, user_id, next, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(step.browser_hash.to_vec())
            .bind(step.user_id.to_string())
            .bind(&step.next)
            .bind(step.created_at.micros())
            .bind(step.expires_at.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// What this browser is asked for; `None`: nothing, or no longer.
    pub async fn find_second_step(
        &self,
        browser_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<SecondStep>, StoreError> {
        let found: Option<StepColumns> = read!(self, db => Ok(sqlx::query_as(
            "SELECT user_id, next, tries FROM second_steps WHERE browser_hash = $1 AND expires_at > $2",
        )
        .bind(browser_hash.to_vec())
        .bind(now.micros())
        .fetch_optional(db)
        .await?))?;
        found.map(step).transpose()
    }

    /// The same for an answer, which is counted before it is looked at; `None` also after `most` of them.
    pub async fn try_second_step(
        &self,
        browser_hash: [u8; 32],
        now: Timestamp,
        most: u64,
    ) -> Result<Option<SecondStep>, StoreError> {
        let found: Option<StepColumns> = note!(self, db => Ok(sqlx::query_as(
            "UPDATE second_steps SET tries = tries + 1 WHERE browser_hash = $1 AND expires_at > $2 AND tries < $3 \
             RETURNING user_id, next, tries",
        )
        .bind(browser_hash.to_vec())
        .bind(now.micros())
        .bind(most.cast_signed())
        .fetch_optional(&mut *db)
        .await?))?;
        found.map(step).transpose()
    }

    /// Ends one; whether it was there, which only one of several answers finds.
    pub async fn delete_second_step(&self, browser_hash: [u8; 32]) -> Result<bool, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM second_steps WHERE browser_hash = $1")
                .bind(browser_hash.to_vec())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected() > 0)
        })
    }

    /// Deletes those that nobody has answered by `now`; how many.
    pub async fn delete_ended_second_steps(&self, now: Timestamp) -> Result<u64, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM second_steps WHERE expires_at <= $1")
                .bind(now.micros())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected())
        })
    }
}
