//! Users: people, each with a personal account.

use ledger::{AccountId, Timestamp, UserId};

use super::accounts::{AccountStatus, Tier};
use super::mails::MailRows as _;
use super::rows::parse_text;
use super::{NewMail, Store, StoreError, change, on_connection, read};

/// A user with the personal account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    pub id: UserId,
    /// Lower case.
    pub email: String,
    /// The e-mail is only claimed: others may claim it too, and somebody may own it.
    pub is_claim: bool,
    pub name: String,
    /// Lower case.
    pub user_name: String,
    /// PHC string; `None`: signs in otherwise.
    pub password_hash: Option<String>,
    pub verified_at: Option<Timestamp>,
    pub is_operator: bool,
    pub account_no: i64,
    pub account_id: AccountId,
    /// IANA name.
    pub time_zone: String,
    pub account_status: AccountStatus,
    /// Of the account's plan.
    pub tier: Option<Tier>,
    pub created_at: Timestamp,
}

/// A user to insert, together with the account and the membership.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub id: UserId,
    pub account_id: AccountId,
    /// Lower case.
    pub email: String,
    pub name: String,
    /// Lower case.
    pub user_name: String,
    pub password_hash: Option<String>,
    pub verified_at: Option<Timestamp>,
    pub is_operator: bool,
    /// IANA name.
    pub time_zone: String,
    pub created_at: Timestamp,
}

/// What changes about a user and the personal account; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    pub name: Option<String>,
    /// Lower case.
    pub user_name: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
}

/// Another password, for somebody who knows the one they have.
#[derive(Debug)]
pub struct PasswordChange {
    /// PHC strings.
    pub old: String,
    pub new: String,
    /// SHA-256 of the token of the one session that goes on.
    pub kept_session: [u8; 32],
    pub now: Timestamp,
    pub mail: NewMail,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    email: String,
    is_claim: bool,
    name: String,
    user_name: String,
    password_hash: Option<String>,
    verified_at: Option<i64>,
    is_operator: i64,
    account_no: i64,
    account_id: String,
    time_zone: String,
    status: String,
    tier: Option<String>,
    created_at: i64,
}

/// The columns of a user's [`Row`], and where they come from.
macro_rules! user_columns {
    () => {
        concat!(
            "u.id, coalesce(u.claimed_email, u.email) AS email, u.claimed_email IS NOT NULL AS is_claim, u.name, u.user_name, \
             u.password_hash, u.verified_at, u.is_operator, a.no AS account_no, a.id AS account_id, a.time_zone, ",
            $crate::store::accounts::account_status!(),
            ", a.tier, u.created_at FROM users u JOIN accounts a ON a.no = u.personal_account "
        )
    };
}
pub(super) use user_columns;

impl TryFrom<Row> for UserRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: parse_text(&row.id, "users", "id")?,
            account_id: parse_text(&row.account_id, "accounts", "id")?,
            account_status: AccountStatus::read(&row.status, &row.account_id)?,
            tier: Tier::read(row.tier.as_deref(), &row.account_id)?,
            email: row.email,
            is_claim: row.is_claim,
            name: row.name,
            user_name: row.user_name,
            password_hash: row.password_hash,
            verified_at: row.verified_at.map(Timestamp::from_micros),
            is_operator: row.is_operator != 0,
            account_no: row.account_no,
            time_zone: row.time_zone,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

/// How a new user has the e-mail.
#[derive(Debug, Clone, Copy)]
pub(super) enum Email {
    Owned,
    /// With SHA-256 of what the form calls itself.
    Claimed {
        form_hash: [u8; 32],
    },
}

on_connection! {
    pub(super) trait UserRows {
        /// Writes user, account and membership inside a transaction that is under way; the account's number. A verified user is
        /// owed the credits for signing up.
        async fn insert_user_rows(&mut db, user: &NewUser, email: Email) -> Result<i64, StoreError> {
            let id = user.id.to_string();
            let (email, claimed_email, form_hash) = match email {
                Email::Owned => (&user.email, None, None),
                Email::Claimed { form_hash } => (&id, Some(&user.email), Some(form_hash.to_vec())),
            };
            let (account,): (i64,) = sqlx::query_as(
                "INSERT INTO accounts (id, name, time_zone, created_at) VALUES ($1, $2, $3, $4) RETURNING no",
            )
            .bind(user.account_id.to_string())
            .bind(&user.name)
            .bind(&user.time_zone)
            .bind(user.created_at.micros())
            .fetch_one(&mut *db)
            .await?;
            sqlx::query(
                "INSERT INTO users (id, email, claimed_email, sign_up_form, name, user_name, password_hash, verified_at, \
                 credits_due_at, is_operator, personal_account, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11)",
            )
            .bind(&id)
            .bind(email)
            .bind(claimed_email)
            .bind(form_hash)
            .bind(&user.name)
            .bind(&user.user_name)
            .bind(&user.password_hash)
            .bind(user.verified_at.map(Timestamp::micros))
            .bind(i64::from(user.is_operator))
            .bind(account)
            .bind(user.created_at.micros())
            .execute(&mut *db)
            .await?;
            sqlx::query("INSERT INTO memberships (account, user_id, role) VALUES ($1, $2, 'owner')")
                .bind(account)
                .bind(&id)
                .execute(&mut *db)
                .await?;
            Ok(account)
        }
    }
}

impl Store {
    /// Inserts user, account and membership in one transaction; returns the account's number.
    /// A taken e-mail or user name breaks `users.email` or `users.user_name` ([`StoreError::violated_unique`]).
    pub async fn insert_user(&self, user: &NewUser) -> Result<i64, StoreError> {
        change!(self, db => db.insert_user_rows(user, Email::Owned).await)
    }

    /// Changes a user together with the personal account, which is called as they are. A taken user name breaks
    /// `users.user_name` ([`StoreError::violated_unique`]); no such user: [`StoreError::Rows`].
    pub async fn update_user(&self, id: UserId, new: &UserChange) -> Result<(), StoreError> {
        change!(self, db => {
            let account: Option<(i64,)> = sqlx::query_as(
                "UPDATE users SET name = coalesce($2, name), user_name = coalesce($3, user_name) WHERE id = $1 \
                 RETURNING personal_account",
            )
            .bind(id.to_string())
            .bind(&new.name)
            .bind(&new.user_name)
            .fetch_optional(&mut *db)
            .await?;
            let rows = |found| StoreError::Rows { statement: "update_user", expected: 1, found };
            let (account,) = account.ok_or_else(|| rows(0))?;
            let updated = sqlx::query(
                "UPDATE accounts SET name = coalesce($2, name), time_zone = coalesce($3, time_zone) WHERE no = $1",
            )
            .bind(account)
            .bind(&new.name)
            .bind(&new.time_zone)
            .execute(&mut *db)
            .await?;
            if updated.rows_affected() == 1 { Ok(()) } else { Err(rows(updated.rows_affected())) }
        })
    }

    /// Sets another password, if `old` is still the one that was shown to be known: then all other sessions end, and so do links
    /// that could set yet another. Whether it did.
    pub async fn change_password(&self, id: UserId, change: &PasswordChange) -> Result<bool, StoreError> {
        change!(self, db => {
            let updated = sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
                .bind(id.to_string())
                .bind(&change.old)
                .bind(&change.new)
                .execute(&mut *db)
                .await?;
            if updated.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2")
                .bind(id.to_string())
                .bind(change.kept_session.to_vec())
                .execute(&mut *db)
                .await?;
            sqlx::query("DELETE FROM second_steps WHERE user_id = $1").bind(id.to_string()).execute(&mut *db).await?;
            sqlx::query(
                "UPDATE one_time_links SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL AND kind = 'reset_password'",
            )
            .bind(id.to_string())
            .bind(change.now.micros())
            .execute(&mut *db)
            .await?;
            // Whoever finds that they have not asked for another e-mail is told to change the password.
            sqlx::query("DELETE FROM email_changes WHERE user_id = $1").bind(id.to_string()).execute(&mut *db).await?;
            db.insert_mail(&change.mail).await?;
            Ok(true)
        }, told_if |changed| changed)
    }

    pub async fn find_user(&self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!("SELECT ", user_columns!(), "WHERE u.id = $1"))
            .bind(id.to_string())
            .fetch_optional(db)
            .await?))?;
        found.map(UserRow::try_from).transpose()
    }

    /// Who owns this e-mail, in any case; else the latest of those who claim it.
    pub async fn find_user_by_email(&self, email: &str) -> Result<Option<UserRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!("SELECT ", user_columns!(),
            "WHERE u.email = $1 OR u.claimed_email = $1 \
             ORDER BY u.claimed_email IS NOT NULL, u.created_at DESC, u.id DESC LIMIT 1"))
            .bind(email.to_lowercase())
            .fetch_optional(db)
            .await?))?;
        found.map(UserRow::try_from).transpose()
    }
}
