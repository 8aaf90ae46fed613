//! Who somebody is at a provider, and which user that is here.

use ledger::{Timestamp, UserId};

use super::links::Ending as _;
use super::mails::MailRows as _;
use super::passkeys::PasskeyRows as _;
use super::rows::parse_text;
use super::users::{Email, Row as UserColumns, UserRows as _, user_columns};
use super::{NewMail, NewUser, Store, StoreError, UserRow, change, note, on_connection, read};

/// Somebody as a provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose word it is.
    pub issuer: String,
    /// The issuer's own name for them, for ever.
    pub subject: String,
    /// What they are called there, to be recognised by.
    pub label: String,
}

/// An identity that is linked to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    pub identity: Identity,
    pub linked_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What became of a user who was to be made from an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    New,
    /// The identity is somebody's already.
    Known,
    /// The e-mail is somebody's already, who has not linked the identity.
    EmailTaken,
}

/// What became of an identity that was to be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    New,
    /// It was linked to this user before.
    Before,
    /// It is linked to another user.
    ToAnother,
}

/// What became of an identity that was to be unlinked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    Done,
    /// The user has no such identity.
    Unknown,
    /// The user could not sign in any more.
    Last,
}

#[derive(sqlx::FromRow)]
struct Row {
    issuer: String,
    subject: String,
    label: String,
    linked_at: i64,
    last_used_at: Option<i64>,
}

impl From<Row> for IdentityRow {
    fn from(row: Row) -> Self {
        let Row { issuer, subject, label, linked_at, last_used_at } = row;
        Self {
            identity: Identity { issuer, subject, label },
            linked_at: Timestamp::from_micros(linked_at),
            last_used_at: last_used_at.map(Timestamp::from_micros),
        }
    }
}

on_connection! {
    pub(super) trait IdentityRows {
        /// Whose identity it is.
        async fn holder(&mut db, identity: &Identity) -> Result<Option<UserId>, StoreError> {
            let found: Option<(String,)> =
                sqlx::query_as("SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2")
                    .bind(&identity.issuer)
                    .bind(&identity.subject)
                    .fetch_optional(db)
                    .await?;
            found.map(|(id,)| parse_text(&id, "identities", "user_id")).transpose()
        }

        async fn insert_identity(
            &mut db,
            identity: &Identity,
            user: UserId,
            now: Timestamp,
            last_used_at: Option<Timestamp>,
        ) -> Result<(), StoreError> {
            sqlx::query(
                "INSERT INTO identities (issuer, subject, user_id, label, linked_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&identity.issuer)
            .bind(&identity.subject)
            .bind(user.to_string())
            .bind(&identity.label)
            .bind(now.micros())
            .bind(last_used_at.map(Timestamp::micros))
            .execute(db)
            .await?;
            Ok(())
        }

        /// Issuers and subjects of a user's identities.
        async fn identities_of(&mut db, user: UserId) -> Result<Vec<(String, String)>, StoreError> {
            let found = sqlx::query_as("SELECT issuer, subject FROM identities WHERE user_id = $1")
                .bind(user.to_string())
                .fetch_all(db)
                .await?;
            Ok(found)
        }
    }
}

impl Store {
    /// The user with this identity.
    pub async fn find_user_by_identity(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<UserRow>, StoreError> {
        let found: Option<UserColumns> = read!(self, db => Ok(sqlx::query_as(concat!("SELECT ", user_columns!(),
            "JOIN identities i ON i.user_id = u.id WHERE i.issuer = $1 AND i.subject = $2"))
            .bind(issuer)
            .bind(subject)
            .fetch_optional(db)
            .await?))?;
        found.map(UserRow::try_from).transpose()
    }

    /// A user's identities, the oldest first.
    pub async fn list_identities(&self, user: UserId) -> Result<Vec<IdentityRow>, StoreError> {
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(
            "SELECT issuer, subject, label, linked_at, last_used_at FROM identities WHERE user_id = $1 \
             ORDER BY linked_at, issuer, subject",
        )
        .bind(user.to_string())
        .fetch_all(db)
        .await?))?;
        Ok(rows.into_iter().map(IdentityRow::from).collect())
    }

    /// Notes that somebody came in by an identity, and what they are called there by now.
    pub async fn touch_identity(&self, identity: &Identity, now: Timestamp) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query("UPDATE identities SET last_used_at = $3, label = $4 WHERE issuer = $1 AND subject = $2")
                .bind(&identity.issuer)
                .bind(&identity.subject)
                .bind(now.micros())
                .bind(&identity.label)
                .execute(&mut *db)
                .await?;
            Ok(())
        })
    }

    /// Makes a user who owns an e-mail because a provider has vouched for it, and who comes in by that identity. All claims
    /// to the e-mail end, as when somebody follows a link that was sent there. A taken user name breaks `users.user_name`
    /// ([`StoreError::violated_unique`]).
    pub async fn insert_user_with_identity(
        &self,
        user: &NewUser,
        identity: &Identity,
    ) -> Result<Joined, StoreError> {
        change!(self, db => {
            if db.holder(identity).await?.is_some() {
                return Ok(Joined::Known);
            }
            let owner: Option<(String,)> =
                sqlx::query_as("SELECT id FROM users WHERE email = $1").bind(&user.email).fetch_optional(&mut *db).await?;
            if owner.is_some() {
                return Ok(Joined::EmailTaken);
            }
            db.insert_user_rows(user, Email::Owned).await?;
            let now = user.created_at;
            db.insert_identity(identity, user.id, now, Some(now)).await?;
            db.end_others(&user.id.to_string(), None, now).await?;
            Ok(Joined::New)
        }, told_if |joined| joined == Joined::New)
    }

    /// Links an identity to a user, and writes the mail that says so if that is new.
    pub async fn link_identity(
        &self,
        user: UserId,
        identity: &Identity,
        now: Timestamp,
        mail: &NewMail,
    ) -> Result<Linked, StoreError> {
        // On Postgres changes take turns, as they do on a file: nobody else links it meanwhile.
        change!(self, db => {
            match db.holder(identity).await? {
                Some(holder) if holder == user => return Ok(Linked::Before),
                Some(_) => return Ok(Linked::ToAnother),
                None => {}
            }
            db.insert_identity(identity, user, now, None).await?;
            db.insert_mail(mail).await?;
            Ok(Linked::New)
        }, told_if |linked| linked == Linked::New)
    }

    /// Takes an identity from a user who has another way in: a password, another identity of one of these `issuers`, or
    /// a passkey where those let in. Writes
    /// the mail that says so.
    pub async fn unlink_identity(
        &self,
        user: UserId,
        (issuer, subject): (&str, &str),
        (issuers, passkeys_let_in): (&[&str], bool),
        mail: &NewMail,
    ) -> Result<Unlinked, StoreError> {
        change!(self, db => {
            let all = db.identities_of(user).await?;
            let is_meant = |(of, name): &&(String, String)| of == issuer && name == subject;
            if !all.iter().any(|identity| is_meant(&identity)) {
                return Ok(Unlinked::Unknown);
            }
            let has_more =
                db.has_password(user).await? || (passkeys_let_in && db.count_passkeys(user).await? > 0);
            let mut others = all.iter().filter(|identity| !is_meant(identity));
            if !has_more && !others.any(|(of, _)| issuers.contains(&of.as_str())) {
                return Ok(Unlinked::Last);
            }
            sqlx::query("DELETE FROM identities WHERE issuer = $1 AND subject = $2 AND user_id = $3")
                .bind(issuer)
                .bind(subject)
                .bind(user.to_string())
                .execute(&mut *db)
                .await?;
            db.insert_mail(mail).await?;
            Ok(Unlinked::Done)
        }, told_if |unlinked| unlinked == Unlinked::Done)
    }
}
