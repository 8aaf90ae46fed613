//! The outbox: mails from the transaction that makes them necessary until they are sent or given up.

use std::fmt;

use ledger::Timestamp;

use super::audit::{AuditRecord, AuditRecords as _};
use super::dialect::{Dialect as _, Sql, shared_now};
use super::{Store, StoreError, note, on_connection, read};
use crate::clock::Clock;

/// A mail to put into the outbox.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMail {
    /// Unique; the Message-ID comes from it.
    pub id: String,
    /// Lower case.
    pub recipient: String,
    pub recipient_name: String,
    /// A name of [`crate::mail::Letter`].
    pub kind: &'static str,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// What the mail wants opened.
    pub link: Option<String>,
    pub created_at: Timestamp,
    /// When it is given up and its bodies are erased.
    pub expires_at: Timestamp,
}

/// Bodies and links let whoever reads them act as the recipient, so they are not printed.
impl fmt::Debug for NewMail {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NewMail({}, {})", self.id, self.kind)
    }
}

/// A mail that is to be sent now.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DueMail {
    pub no: i64,
    pub id: String,
    pub recipient: String,
    pub recipient_name: String,
    pub kind: String,
    pub subject: String,
    pub text_body: String,
    pub html_body: String,
    created_at: i64,
    /// Those that failed.
    pub attempts: i64,
    /// What says that nobody has taken it since.
    #[sqlx(rename = "next_attempt_at")]
    lease: i64,
}

impl fmt::Debug for DueMail {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DueMail({}, {}, {} attempts)", self.id, self.kind, self.attempts)
    }
}

impl DueMail {
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_micros(self.created_at)
    }
}

/// A mail that SMTP has not delivered, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub id: String,
    pub recipient: String,
    pub kind: String,
    pub subject: String,
    /// Gone once the mail no longer waits.
    pub link: Option<String>,
    pub created_at: Timestamp,
    pub attempts: u64,
    /// `None`: it waits.
    pub failed_at: Option<Timestamp>,
    pub last_error: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    recipient: String,
    kind: String,
    subject: String,
    link: Option<String>,
    created_at: i64,
    attempts: i64,
    failed_at: Option<i64>,
    last_error: Option<String>,
}

impl From<Row> for OutboxRow {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            recipient: row.recipient,
            kind: row.kind,
            subject: row.subject,
            link: row.link,
            created_at: Timestamp::from_micros(row.created_at),
            // Never negative, says the table.
            attempts: u64::try_from(row.attempts).unwrap_or_default(),
            failed_at: row.failed_at.map(Timestamp::from_micros),
            last_error: row.last_error,
        }
    }
}

on_connection! {
    pub(super) trait MailRows {
        /// Writes a mail inside another change's transaction, so that neither exists without the other.
        async fn insert_mail(&mut db, mail: &NewMail) -> Result<(), StoreError> {
            sqlx::query(
                "INSERT INTO mails (id, recipient, recipient_name, kind, subject, text_body, html_body, link, created_at, \
                 expires_at, next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)",
            )
            .bind(&mail.id)
            .bind(&mail.recipient)
            .bind(&mail.recipient_name)
            .bind(mail.kind)
            .bind(&mail.subject)
            .bind(&mail.text)
            .bind(&mail.html)
            .bind(&mail.link)
            .bind(mail.created_at.micros())
            .bind(mail.expires_at.micros())
            .execute(db)
            .await?;
            Ok(())
        }
    }
}

macro_rules! mail_columns {
    () => {
        "no, id, recipient, recipient_name, kind, subject, text_body, html_body, created_at, attempts, next_attempt_at "
    };
}

/// `$1`: the instant.
const FIND_DUE: &str = concat!(
    "SELECT ",
    mail_columns!(),
    "FROM mails WHERE next_attempt_at <= $1 AND expires_at > $1 ORDER BY no LIMIT 1"
);

/// `$2`: for how many microseconds it is leased.
const LEASE_DUE: &str = concat!(
    "WITH moment AS MATERIALIZED (SELECT ",
    shared_now!(),
    " AS now) UPDATE mails SET next_attempt_at = moment.now + $2 FROM moment WHERE no = (SELECT no FROM mails \
     WHERE next_attempt_at <= (SELECT now FROM moment) AND expires_at > (SELECT now FROM moment) ORDER BY no LIMIT 1 \
     FOR UPDATE SKIP LOCKED) RETURNING ",
    mail_columns!()
);

/// `$2`: microseconds until the next attempt. `$3`: the error. `$4` and `$5`: number and lease.
macro_rules! postpone {
    ($($now:tt)+) => {
        concat!(
            "UPDATE mails SET attempts = attempts + 1, next_attempt_at = ",
            $($now)+,
            " + $2, last_error = $3 WHERE no = $4 AND next_attempt_at = $5"
        )
    };
}

const POSTPONE: Sql = Sql { sqlite: postpone!("$1"), postgres: postpone!(shared_now!()) };

impl Store {
    /// Puts a mail into the outbox by itself.
    pub async fn insert_mail(&self, mail: &NewMail) -> Result<(), StoreError> {
        note!(self, db => db.insert_mail(mail).await)
    }

    /// Takes the oldest of the mails that are to be sent now. On a database that servers share it is nobody else's for `lease`
    /// microseconds: whoever dies before it writes down what became of the mail gives it back.
    pub async fn take_due_mail(&self, clock: &dyn Clock, lease: i64) -> Result<Option<DueMail>, StoreError> {
        match self {
            Self::Sqlite(_) => read!(self, db => Ok(sqlx::query_as(FIND_DUE)
                .bind(clock.now().micros())
                .fetch_optional(db)
                .await?)),
            Self::Postgres(_) => note!(self, db => Ok(sqlx::query_as(LEASE_DUE)
                .bind(self.instant(clock))
                .bind(lease)
                .fetch_optional(&mut *db)
                .await?)),
        }
    }

    /// When the next mail is to be sent; `None`: none waits.
    pub async fn next_mail_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let (next,): (Option<i64>,) = read!(self, db => Ok(sqlx::query_as(
            "SELECT min(next_attempt_at) FROM mails WHERE next_attempt_at IS NOT NULL",
        )
        .fetch_one(db)
        .await?))?;
        Ok(next.map(Timestamp::from_micros))
    }

    /// The mail server has taken a mail over: it is never sent again, and what it said is erased. `false` here and below: it
    /// no longer waits, or somebody else has taken it, and nothing was written.
    pub async fn record_mail_delivered(&self, mail: &DueMail, now: Timestamp) -> Result<bool, StoreError> {
        note!(self, db => {
            let changed = sqlx::query(
                "UPDATE mails SET delivered_at = $3, attempts = attempts + 1, next_attempt_at = NULL, \
                 text_body = NULL, html_body = NULL, link = NULL WHERE no = $1 AND next_attempt_at = $2",
            )
            .bind(mail.no)
            .bind(mail.lease)
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            Ok(changed.rows_affected() == 1)
        })
    }

    /// A mail could not be sent; it is tried again after so many microseconds.
    pub async fn record_mail_postponed(
        &self,
        mail: &DueMail,
        clock: &dyn Clock,
        pause: i64,
        error: &str,
    ) -> Result<bool, StoreError> {
        let now = self.instant(clock);
        note!(self, db => {
            let changed = sqlx::query(db.says(POSTPONE))
                .bind(now)
                .bind(pause)
                .bind(error)
                .bind(mail.no)
                .bind(mail.lease)
                .execute(&mut *db)
                .await?;
            Ok(changed.rows_affected() == 1)
        })
    }

    /// A mail can't be sent, now or later; what it said is erased.
    pub async fn record_mail_failed(
        &self,
        mail: &DueMail,
        now: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        note!(self, db => {
            let changed = sqlx::query(
                "UPDATE mails SET failed_at = $3, attempts = attempts + 1, last_error = $4, next_attempt_at = NULL, \
                 text_body = NULL, html_body = NULL, link = NULL WHERE no = $1 AND next_attempt_at = $2",
            )
            .bind(mail.no)
            .bind(mail.lease)
            .bind(now.micros())
            .bind(error)
            .execute(&mut *db)
            .await?;
            Ok(changed.rows_affected() == 1)
        })
    }

    /// Gives up the mails that have waited too long and erases what they said; how many.
    pub async fn expire_mails(&self, now: Timestamp) -> Result<u64, StoreError> {
        note!(self, db => {
            let expired = sqlx::query(
                "UPDATE mails SET failed_at = $1, last_error = coalesce(last_error, 'was not sent in time'), \
                 next_attempt_at = NULL, text_body = NULL, html_body = NULL, link = NULL \
                 WHERE next_attempt_at IS NOT NULL AND expires_at <= $1",
            )
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            Ok(expired.rows_affected())
        })
    }

    /// Forgets the mails written before an instant that no longer wait; how many.
    pub async fn delete_old_mails(&self, before: Timestamp) -> Result<u64, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM mails WHERE created_at < $1 AND next_attempt_at IS NULL")
                .bind(before.micros())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected())
        })
    }

    /// What SMTP has not delivered, the newest first, to this recipient (lower case) or to anybody. Who looks is written
    /// down first, in the same transaction.
    pub async fn open_outbox(
        &self,
        recipient: Option<&str>,
        limit: u32,
        record: &AuditRecord,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let rows: Vec<Row> = note!(self, db => {
            db.insert_audit_record(record).await?;
            Ok(sqlx::query_as(
                "SELECT id, recipient, kind, subject, link, created_at, attempts, failed_at, last_error FROM mails \
                 WHERE delivered_at IS NULL AND ($1 IS NULL OR recipient = $1) ORDER BY no DESC LIMIT $2",
            )
            .bind(recipient)
            .bind(i64::from(limit))
            .fetch_all(&mut *db)
            .await?)
        })?;
        Ok(rows.into_iter().map(OutboxRow::from).collect())
    }
}
