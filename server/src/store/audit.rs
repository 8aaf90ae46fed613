//! The audit log: what an operator looked at or did, written with it or not at all.

use ledger::Timestamp;

use super::{StoreError, on_connection};

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    pub at: Timestamp,
    /// `command line`, or the id of a user.
    pub actor: String,
    /// Such as `outbox.open`.
    pub action: &'static str,
    /// Whom or what it was about; empty: everything.
    pub subject: String,
}

on_connection! {
    pub(super) trait AuditRecords {
        /// Writes a line inside another change's transaction.
        async fn insert_audit_record(&mut db, record: &AuditRecord) -> Result<(), StoreError> {
            sqlx::query("INSERT INTO audit_log (at, actor, action, subject) VALUES ($1, $2, $3, $4)")
                .bind(record.at.micros())
                .bind(&record.actor)
                .bind(record.action)
                .bind(&record.subject)
                .execute(db)
                .await?;
            Ok(())
        }
    }
}
