//! Links that open something once: their tokens, hashed, and what following one changes.

use ledger::{Timestamp, UserId};

use super::mails::MailRows as _;
use super::rows::parse_text;
use super::users::{Row as UserColumns, user_columns};
use super::{NewMail, Store, StoreError, UserRow, change, note, on_connection, read};

/// What a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    VerifyEmail,
    ResetPassword,
}

impl LinkKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }
}

/// A link to keep.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub kind: LinkKind,
    /// `None`: for an address that nobody has.
    pub user_id: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A link that was made, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    pub user: UserRow,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// What following a link changes, besides showing that the e-mail is theirs.
#[derive(Debug)]
pub struct Redemption {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub kind: LinkKind,
    pub now: Timestamp,
    /// PHC string; `None` leaves the password.
    pub password_hash: Option<String>,
    /// SHA-256 of the token of the one session that goes on.
    pub kept_session: Option<[u8; 32]>,
    pub mail: Option<NewMail>,
}

#[derive(sqlx::FromRow)]
struct Row {
    expires_at: i64,
    used_at: Option<i64>,
    #[sqlx(flatten)]
    user: UserColumns,
}

on_connection! {
    pub(super) trait LinkRows {
        /// Writes a link inside a transaction that is under way.
        async fn insert_link(&mut db, link: &NewLink) -> Result<(), StoreError> {
            sqlx::query(
                "INSERT INTO one_time_links (token_hash, kind, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(link.token_hash.to_vec())
            .bind(link.kind.name())
            .bind(link.user_id.map(|id| id.to_string()))
            .bind(link.created_at.micros())
            .bind(link.expires_at.micros())
            .execute(db)
            .await?;
            Ok(())
        }
    }
}

impl Store {
    /// Keeps a link, and with it the mail that holds it (`None`: nobody is written to).
    pub async fn insert_link(&self, link: &NewLink, mail: Option<&NewMail>) -> Result<(), StoreError> {
        note!(self, db => {
            db.insert_link(link).await?;
            if let Some(mail) = mail {
                db.insert_mail(mail).await?;
            }
            Ok(())
        })
    }

    /// The link with this token, whatever has become of it.
    pub async fn find_link(
        &self,
        token_hash: [u8; 32],
        kind: LinkKind,
    ) -> Result<Option<LinkRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT l.expires_at, l.used_at, ", user_columns!(),
            "JOIN one_time_links l ON l.user_id = u.id WHERE l.token_hash = $1 AND l.kind = $2"
        ))
        .bind(token_hash.to_vec())
        .bind(kind.name())
        .fetch_optional(db)
        .await?))?;
        let Some(Row { expires_at, used_at, user }) = found else { return Ok(None) };
        Ok(Some(LinkRow {
            user: user.try_into()?,
            expires_at: Timestamp::from_micros(expires_at),
            used_at: used_at.map(Timestamp::from_micros),
        }))
    }

    /// Follows a link, once: the e-mail is theirs, their other sessions and links end, and so does every other claim to
    /// that e-mail. `None`: it opens nothing any more, and nothing was changed. Breaks `users.email` when somebody else
    /// has shown to own it before ([`StoreError::violated_unique`]).
    pub async fn redeem_link(&self, redemption: &Redemption) -> Result<Option<UserId>, StoreError> {
        change!(self, db => {
            let found: Option<(String,)> = sqlx::query_as(
                "UPDATE one_time_links SET used_at = $3 WHERE token_hash = $1 AND kind = $2 AND used_at IS NULL \
                 AND expires_at > $3 AND user_id IS NOT NULL RETURNING user_id",
            )
            .bind(redemption.token_hash.to_vec())
            .bind(redemption.kind.name())
            .bind(redemption.now.micros())
            .fetch_optional(&mut *db)
            .await?;
            let Some((id,)) = found else { return Ok(None) };
            db.own_email(&id, redemption).await?;
            db.end_others(&id, redemption.kept_session, redemption.now).await?;
            if let Some(mail) = &redemption.mail {
                db.insert_mail(mail).await?;
            }
            Ok(Some(parse_text(&id, "one_time_links", "user_id")?))
        }, told_if |user| user.is_some())
    }

    /// Deletes the links that had run out at `before`; how many.
    pub async fn delete_links(&self, before: Timestamp) -> Result<u64, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM one_time_links WHERE expires_at <= $1")
                .bind(before.micros())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected())
        })
    }
}

on_connection! {
    trait Redeeming {
        /// The user owns the address from now on, and is owed the credits for signing up if that is new.
        async fn own_email(&mut db, id: &str, redemption: &Redemption) -> Result<(), StoreError> {
            let updated = sqlx::query(
                "UPDATE users SET email = coalesce(claimed_email, email), claimed_email = NULL, \
                 verified_at = coalesce(verified_at, $2), \
                 credits_due_at = CASE WHEN verified_at IS NULL THEN $2 ELSE credits_due_at END, \
                 password_hash = coalesce($3, password_hash) WHERE id = $1",
            )
            .bind(id)
            .bind(redemption.now.micros())
            .bind(&redemption.password_hash)
            .execute(db)
            .await?;
            match updated.rows_affected() {
                1 => Ok(()),
                found => Err(StoreError::Rows { statement: "own_email", expected: 1, found }),
            }
        }
    }
}

/// Users whose sessions and links end: `$1`, and whoever claims the e-mail of `$1`.
macro_rules! ended {
    () => {
        "(SELECT id FROM users WHERE id = $1 OR claimed_email = (SELECT email FROM users WHERE id = $1))"
    };
}

on_connection! {
    pub(super) trait Ending {
        /// Sessions (but the one with this token's hash) and links of a user who owns an e-mail end, and so does all that others
        /// have who only claim it.
        async fn end_others(
            &mut db,
            id: &str,
            kept_session: Option<[u8; 32]>,
            now: Timestamp,
        ) -> Result<(), StoreError> {
            sqlx::query(concat!("DELETE FROM sessions WHERE user_id IN ", ended!(), " AND token_hash <> $2"))
                .bind(id)
                .bind(kept_session.map_or_else(Vec::new, |hash| hash.to_vec()))
                .execute(&mut *db)
                .await?;
            sqlx::query(concat!("DELETE FROM email_changes WHERE user_id IN ", ended!()))
                .bind(id)
                .execute(&mut *db)
                .await?;
            sqlx::query(concat!("DELETE FROM second_steps WHERE user_id IN ", ended!()))
                .bind(id)
                .execute(&mut *db)
                .await?;
            sqlx::query(concat!(
                "UPDATE one_time_links SET used_at = $2 WHERE used_at IS NULL AND user_id IN ",
                ended!()
            ))
            .bind(id)
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            sqlx::query(
                "UPDATE users SET password_hash = NULL WHERE claimed_email = (SELECT email FROM users WHERE id = $1)",
            )
            .bind(id)
            .execute(&mut *db)
            .await?;
            Ok(())
        }
    }
}
