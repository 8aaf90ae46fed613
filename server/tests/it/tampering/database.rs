//! The database file in the hands of somebody who may do anything to it, and who can put everything back.

use crate::harness::raw::{Column, Raw};

/// What the books are made of.
pub const TABLES: [&str; 6] = ["entries", "wallets", "grants", "open_holds", "rollups", "event_dimensions"];

/// A connection for which no trigger, check or unique index stands in the way.
pub struct Database {
    pub raw: Raw,
    columns: Vec<(&'static str, Vec<Column>)>,
}

impl Database {
    pub async fn open(mut raw: Raw) -> Self {
        raw.unlock_everything(&TABLES).await;
        for index in [
            "entries_account_seq_key",
            "entries_source_event_id_key",
            "entries_closing_key",
            "entries_correction_key",
        ] {
            raw.drop_index(index).await;
        }
        raw.run("CREATE INDEX entries_by_seq ON entries (account, seq)").await;
        let mut columns = vec![];
        for table in TABLES {
            raw.run(&format!("CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")).await;
            columns.push((table, raw.columns(table).await));
        }
        Self { raw, columns }
    }

    pub fn columns(&self, table: &str) -> &[Column] {
        let found = self.columns.iter().find(|(name, _)| *name == table);
        &found.expect("a table of the books").1
    }

    /// Names of all columns but those named, with commas between them.
    pub fn columns_but(&self, table: &str, others: &[&str]) -> String {
        let names = self.columns(table).iter().map(|column| column.name.as_str());
        names.filter(|name| !others.contains(name)).collect::<Vec<_>>().join(", ")
    }

    /// A number out of the books as they were.
    pub async fn number(&mut self, sql: &str) -> i64 {
        let found = self.raw.texts(&format!("SELECT CAST(({sql}) AS TEXT)")).await;
        found[0].parse().expect("a number")
    }

    /// Puts the tables back that were touched.
    pub async fn restore(&mut self) {
        for table in TABLES {
            let kept = format!("SELECT * FROM kept_{table}");
            let touched = format!("SELECT count(*) FROM (SELECT * FROM {table} EXCEPT {kept}) more");
            let missing = format!("SELECT count(*) FROM ({kept} EXCEPT SELECT * FROM {table}) less");
            let more = format!("SELECT (SELECT count(*) FROM {table}) - (SELECT count(*) FROM kept_{table})");
            if self.number(&format!("({touched}) + ({missing}) + abs(({more}))")).await > 0 {
                self.raw.run(&format!("DELETE FROM {table}")).await;
                self.raw.run(&format!("INSERT INTO {table} {kept}")).await;
            }
        }
    }
}
