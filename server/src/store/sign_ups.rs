//! Signing up: claims to an e-mail, and the credits that are owed once one is shown to be right.

use ledger::{AccountId, Timestamp, UserId};

use super::links::{LinkRows as _, NewLink};
use super::mails::MailRows as _;
use super::rows::parse_text;
use super::users::{Email, Row as UserColumns, UserRows as _, user_columns};
use super::{NewMail, NewUser, Store, StoreError, UserRow, change, note, on_connection, read};

/// A user who claims an e-mail, with the link that shows it to be theirs and the mail that is sent there.
#[derive(Debug)]
pub struct NewSignUp {
    pub user: NewUser,
    /// SHA-256 of what the form calls itself.
    pub form_hash: [u8; 32],
    /// Who has signed up with the same form before, for another e-mail: that claim is withdrawn.
    pub replaced: Option<UserId>,
    pub link: NewLink,
    pub mail: NewMail,
}

/// Those who may mean an e-mail when they sign in.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    pub owner: Option<UserRow>,
    /// The latest of those who only claim it.
    pub claimant: Option<UserRow>,
}

impl Store {
    /// Writes the user, the link and the mail in one transaction, the same rows whatever the e-mail is.
    /// A taken user name or a form that was sent before breaks `users.user_name` or `users.sign_up_form`.
    pub async fn sign_up(&self, sign_up: &NewSignUp) -> Result<(), StoreError> {
        change!(self, db => {
            if let Some(replaced) = sign_up.replaced {
                db.withdraw(&replaced.to_string()).await?;
            }
            db.insert_user_rows(&sign_up.user, Email::Claimed { form_hash: sign_up.form_hash }).await?;
            db.insert_link(&sign_up.link).await?;
            db.insert_mail(&sign_up.mail).await
        })
    }

    /// Who has signed up with this form.
    pub async fn find_user_by_form(&self, form_hash: [u8; 32]) -> Result<Option<UserRow>, StoreError> {
        let found: Option<UserColumns> = read!(self, db => Ok(sqlx::query_as(concat!("SELECT ", user_columns!(), "WHERE u.sign_up_form = $1"))
            .bind(form_hash.to_vec())
            .fetch_optional(db)
            .await?))?;
        found.map(UserRow::try_from).transpose()
    }

    /// Whose user name this is, in lower case.
    pub async fn find_user_name(&self, user_name: &str) -> Result<Option<UserId>, StoreError> {
        let found: Option<(String,)> = read!(self, db => Ok(sqlx::query_as("SELECT id FROM users WHERE user_name = $1")
            .bind(user_name)
            .fetch_optional(db)
            .await?))?;
        found.map(|(id,)| parse_text(&id, "users", "id")).transpose()
    }

    /// `email` in lower case.
    pub async fn candidates(&self, email: &str) -> Result<Candidates, StoreError> {
        let rows: Vec<UserColumns> = read!(self, db => Ok(sqlx::query_as(concat!("SELECT ", user_columns!(),
            "WHERE u.email = $1 OR u.id = (SELECT c.id FROM users c WHERE c.claimed_email = $1 \
             ORDER BY c.created_at DESC, c.id DESC LIMIT 1)"))
            .bind(email)
            .fetch_all(db)
            .await?))?;
        let mut candidates = Candidates::default();
        for row in rows {
            let user = UserRow::try_from(row)?;
            let place = if user.is_claim { &mut candidates.claimant } else { &mut candidates.owner };
            *place = Some(user);
        }
        Ok(candidates)
    }

    /// Verified users who are owed the credits for signing up, those who wait longest first.
    pub async fn list_credits_due(&self, limit: u32) -> Result<Vec<(UserId, AccountId)>, StoreError> {
        let rows: Vec<(String, String)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT u.id, a.id FROM users u JOIN accounts a ON a.no = u.personal_account \
             WHERE u.credits_due_at IS NOT NULL ORDER BY u.credits_due_at LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))?;
        rows.into_iter()
            .map(|(user, account)| {
                Ok((parse_text(&user, "users", "id")?, parse_text(&account, "accounts", "id")?))
            })
            .collect()
    }

    /// The credits are in the books.
    pub async fn note_credits_given(&self, user: UserId) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query("UPDATE users SET credits_due_at = NULL WHERE id = $1")
                .bind(user.to_string())
                .execute(&mut *db)
                .await?;
            Ok(())
        })
    }

    /// Forgets claims from before `before` that nobody has shown to be right, at most `limit`; how many. One that has
    /// keys or a wallet stays: somebody uses it. In the order in which batches lock accounts, so that neither waits for the other
    /// in a circle.
    pub async fn delete_old_claims(&self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        change!(self, db => {
            let old: Vec<(String, i64)> = sqlx::query_as(
                "SELECT u.id, u.personal_account FROM users u WHERE u.claimed_email IS NOT NULL AND u.created_at <= $1 \
                 AND NOT EXISTS (SELECT 1 FROM wallets w WHERE w.account = u.personal_account) \
                 AND NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.account = u.personal_account) \
                 ORDER BY u.personal_account LIMIT $2",
            )
            .bind(before.micros())
            .bind(i64::from(limit))
            .fetch_all(&mut *db)
            .await?;
            for (user, account) in &old {
                for statement in [
                    "DELETE FROM one_time_links WHERE user_id = $1",
                    "DELETE FROM sessions WHERE user_id = $1",
                    "DELETE FROM access_log WHERE user_id = $1",
                    "DELETE FROM memberships WHERE user_id = $1",
                    "DELETE FROM users WHERE id = $1",
                ] {
                    sqlx::query(statement).bind(user).execute(&mut *db).await?;
                }
                sqlx::query("DELETE FROM accounts WHERE no = $1").bind(account).execute(&mut *db).await?;
            }
            Ok(old.len())
        }, told_if |deleted| deleted > 0)
    }
}

on_connection! {
    trait Withdrawing {
        /// A claim that nobody can sign in to or confirm any more, and that holds neither user name nor form; it is deleted with
        /// the old ones.
        async fn withdraw(&mut db, user: &str) -> Result<(), StoreError> {
            for statement in [
                "UPDATE one_time_links SET used_at = created_at WHERE user_id = $1 AND used_at IS NULL",
                "DELETE FROM sessions WHERE user_id = $1",
                "UPDATE users SET user_name = id, password_hash = NULL, sign_up_form = NULL WHERE id = $1 AND claimed_email IS NOT NULL",
            ] {
                sqlx::query(statement).bind(user).execute(&mut *db).await?;
            }
            Ok(())
        }
    }
}
