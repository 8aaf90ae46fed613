//! Users who want another e-mail: it changes once both addresses have said yes.

use ledger::{Timestamp, UserId};

use super::access_log::AccessRows as _;
use super::links::Ending as _;
use super::mails::MailRows as _;
use super::users::{Row as UserColumns, user_columns};
use super::{NewAccess, NewMail, Store, StoreError, UserRow, change, note, read};

/// A wish to keep, in place of the user's earlier one, with the letters to both addresses.
#[derive(Debug)]
pub struct NewEmailChange {
    pub user_id: UserId,
    /// Lower case.
    pub new_email: String,
    /// SHA-256 of the token of the link that is sent to the present address.
    pub old_token_hash: [u8; 32],
    /// The same of the new one.
    pub new_token_hash: [u8; 32],
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub mails: [NewMail; 2],
    pub access: NewAccess,
}

/// A wish that is not fulfilled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChangeRow {
    pub user: UserRow,
    pub new_email: String,
    pub old_confirmed: bool,
    pub new_confirmed: bool,
    pub expires_at: Timestamp,
}

/// An address that says yes, and what follows when it is the second one.
#[derive(Debug)]
pub struct EmailConfirmation {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub now: Timestamp,
    /// SHA-256 of the token of the one session that goes on.
    pub kept_session: Option<[u8; 32]>,
    pub mails: [NewMail; 2],
    pub access: NewAccess,
}

/// What became of an address that has said yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailConfirmed {
    /// The link opens nothing any more.
    Gone,
    /// The other one is asked still.
    Half,
    /// The e-mail is the new one.
    Done,
}

#[derive(sqlx::FromRow)]
struct Row {
    new_email: String,
    old_confirmed: bool,
    new_confirmed: bool,
    expires_at: i64,
    #[sqlx(flatten)]
    user: UserColumns,
}

impl TryFrom<Row> for EmailChangeRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Row { new_email, old_confirmed, new_confirmed, expires_at, user } = row;
        let expires_at = Timestamp::from_micros(expires_at);
        Ok(Self { user: user.try_into()?, new_email, old_confirmed, new_confirmed, expires_at })
    }
}

/// The columns of a [`Row`], and where they come from.
macro_rules! change_columns {
    () => {
        concat!(
            "SELECT c.new_email, c.old_confirmed_at IS NOT NULL AS old_confirmed, \
             c.new_confirmed_at IS NOT NULL AS new_confirmed, c.expires_at, ",
            user_columns!(),
            "JOIN email_changes c ON c.user_id = u.id "
        )
    };
}

impl Store {
    /// Keeps a wish; links of the user's earlier one open nothing any more.
    pub async fn insert_email_change(&self, new: &NewEmailChange) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query("DELETE FROM email_changes WHERE user_id = $1").bind(new.user_id.to_string()).execute(&mut *db).await?;
            sqlx::query(
                "INSERT INTO email_changes (user_id, new_email, old_token_hash, new_token_hash, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(new.user_id.to_string())
            .bind(&new.new_email)
            .bind(new.old_token_hash.to_vec())
            .bind(new.new_token_hash.to_vec())
            .bind(new.created_at.micros())
            .bind(new.expires_at.micros())
            .execute(&mut *db)
            .await?;
            for mail in &new.mails {
                db.insert_mail(mail).await?;
            }
            db.insert_access(&new.access).await
        })
    }

    /// The wish that a link belongs to, and whether the link was sent to the new address.
    pub async fn find_email_change(
        &self,
        token_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(EmailChangeRow, bool)>, StoreError> {
        let found: Option<(Row, bool)> = read!(self, db => {
            let mut found = None;
            for (sql, is_new) in [
                (concat!(change_columns!(), "WHERE c.old_token_hash = $1 AND c.expires_at > $2"), false),
                (concat!(change_columns!(), "WHERE c.new_token_hash = $1 AND c.expires_at > $2"), true),
            ] {
                let row: Option<Row> =
                    sqlx::query_as(sql).bind(token_hash.to_vec()).bind(now.micros()).fetch_optional(&mut *db).await?;
                found = found.or(row.map(|row| (row, is_new)));
            }
            Ok(found)
        })?;
        found.map(|(row, is_new)| Ok((row.try_into()?, is_new))).transpose()
    }

    /// What a user has asked for and is not done.
    pub async fn pending_email_change(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<EmailChangeRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!(
            change_columns!(), "WHERE c.user_id = $1 AND c.expires_at > $2"
        ))
        .bind(user.to_string())
        .bind(now.micros())
        .fetch_optional(db)
        .await?))?;
        found.map(EmailChangeRow::try_from).transpose()
    }

    /// An address says yes. With the second one the e-mail changes: all other sessions end, and so do links and all that others have
    /// who only claim the new address. Breaks `users.email` when somebody has come to own it meanwhile
    /// ([`StoreError::violated_unique`]).
    pub async fn confirm_email_change(&self, yes: &EmailConfirmation) -> Result<EmailConfirmed, StoreError> {
        change!(self, db => {
            let found: Option<(String, String, bool)> = sqlx::query_as(
                "SELECT user_id, new_email, CASE WHEN old_token_hash = $1 THEN new_confirmed_at ELSE old_confirmed_at END IS NOT NULL \
                 FROM email_changes WHERE (old_token_hash = $1 OR new_token_hash = $1) AND expires_at > $2",
            )
            .bind(yes.token_hash.to_vec())
            .bind(yes.now.micros())
            .fetch_optional(&mut *db)
            .await?;
            let Some((user, new_email, is_second)) = found else { return Ok(EmailConfirmed::Gone) };
            if !is_second {
                sqlx::query(
                    "UPDATE email_changes SET old_confirmed_at = CASE WHEN old_token_hash = $1 THEN $2 END, \
                     new_confirmed_at = CASE WHEN new_token_hash = $1 THEN $2 END WHERE user_id = $3",
                )
                .bind(yes.token_hash.to_vec())
                .bind(yes.now.micros())
                .bind(&user)
                .execute(&mut *db)
                .await?;
                return Ok(EmailConfirmed::Half);
            }
            sqlx::query("DELETE FROM email_changes WHERE user_id = $1").bind(&user).execute(&mut *db).await?;
            let updated = sqlx::query("UPDATE users SET email = $2 WHERE id = $1 AND claimed_email IS NULL")
                .bind(&user)
                .bind(&new_email)
                .execute(&mut *db)
                .await?;
            if updated.rows_affected() != 1 {
                let found = updated.rows_affected();
                return Err(StoreError::Rows { statement: "confirm_email_change", expected: 1, found });
            }
            db.end_others(&user, yes.kept_session, yes.now).await?;
            for mail in &yes.mails {
                db.insert_mail(mail).await?;
            }
            db.insert_access(&yes.access).await?;
            Ok(EmailConfirmed::Done)
        }, told_if |confirmed| confirmed == EmailConfirmed::Done)
    }

    /// Takes a wish back; whether there was one.
    pub async fn cancel_email_change(&self, access: &NewAccess) -> Result<bool, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM email_changes WHERE user_id = $1")
                .bind(access.user_id.to_string())
                .execute(&mut *db)
                .await?;
            let was_there = deleted.rows_affected() > 0;
            if was_there {
                db.insert_access(access).await?;
            }
            Ok(was_there)
        })
    }

    /// Deletes wishes that ran out before `before`.
    pub async fn delete_old_email_changes(&self, before: Timestamp) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query("DELETE FROM email_changes WHERE expires_at <= $1").bind(before.micros()).execute(&mut *db).await?;
            Ok(())
        })
    }
}
