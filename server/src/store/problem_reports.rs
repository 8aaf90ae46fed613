//! What customers find wrong with a charge.

use ledger::{AccountId, EventId, Timestamp, UserId};

use super::rows::{Column, parse_text};
use super::{Store, StoreError, note, read};

/// A report to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProblemReport {
    pub account_no: i64,
    /// Of the event's leg 0.
    pub seq: u64,
    pub user_id: UserId,
    /// 1 to 2 000 characters.
    pub text: String,
    pub created_at: Timestamp,
}

/// A report about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemReportRow {
    pub event_id: EventId,
    /// Of who sent it.
    pub email: String,
    pub text: String,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    account_id: String,
    seq: i64,
    email: String,
    text: String,
    created_at: i64,
}

impl Row {
    fn into_report(self) -> Result<ProblemReportRow, StoreError> {
        let account: AccountId = parse_text(&self.account_id, "accounts", "id")?;
        let seq = self.seq.read("problem_reports", "seq", self.seq)?;
        Ok(ProblemReportRow {
            event_id: EventId { account, seq },
            email: self.email,
            text: self.text,
            created_at: Timestamp::from_micros(self.created_at),
        })
    }
}

macro_rules! report_columns {
    () => {
        "SELECT a.id AS account_id, r.seq, u.email, r.text, r.created_at FROM problem_reports r \
         JOIN accounts a ON a.no = r.account JOIN users u ON u.id = r.user_id "
    };
}

impl Store {
    /// Keeps a report; one that is there already stays as it is.
    pub async fn insert_problem_report(&self, report: &NewProblemReport) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query(
                "INSERT INTO problem_reports (account, seq, user_id, text, created_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(report.account_no)
            .bind(report.seq.cast_signed())
            .bind(report.user_id.to_string())
            .bind(&report.text)
            .bind(report.created_at.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// What was reported about an event, the oldest first.
    pub async fn list_reports_of_event(
        &self,
        account_no: i64,
        seq: u64,
    ) -> Result<Vec<ProblemReportRow>, StoreError> {
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(concat!(
            report_columns!(), "WHERE r.account = $1 AND r.seq = $2 ORDER BY r.no",
        ))
        .bind(account_no)
        .bind(seq.cast_signed())
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(Row::into_report).collect()
    }

    /// Reports of all accounts, the newest first.
    pub async fn list_problem_reports(&self, limit: u32) -> Result<Vec<ProblemReportRow>, StoreError> {
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(concat!(report_columns!(), "ORDER BY r.no DESC LIMIT $1"))
            .bind(i64::from(limit))
            .fetch_all(db)
            .await?))?;
        rows.into_iter().map(Row::into_report).collect()
    }
}
