//! Which dimensions are counted by: taking up one that has been declared, from the books as they are, and dropping one that
//! no longer is. Only before the sequencer starts, when nobody else writes: on a database that servers share, while one of them
//! keeps all others from posting ([`Store::join`]).

use std::collections::BTreeMap;

use ledger::dimensions::{DimensionKey, DimensionSeries, ValueTotals};
use ledger::entry::Entry;
use ledger::series::Totals;

use super::dimension_rollups::pairs;
use super::posting::ValueSums;
use super::rollup_checks::KeptAccount;
use super::rows::{EntryRow, entry_columns, entry_tables};
use super::{Listening, Store, StoreError, change, note, read};

/// Entries that one statement looks at, so that it is over soon.
const STEP: u64 = 20_000;
/// Numbers of accounts whose rows one transaction deletes.
const ACCOUNTS: i64 = 100;

/// What was said about an event, by name.
pub type Pairs = BTreeMap<String, String>;

/// Entries `e`, as `entry_columns!` reads them, with what was said about their event (`d`): by a hold, of its settlement and
/// of corrections of that.
macro_rules! described_tables {
    () => {
        concat!(
            entry_tables!(),
            "LEFT JOIN entries r ON r.account = e.account AND r.seq = e.revises \
             LEFT JOIN event_dimensions d ON d.account = e.account AND d.seq = coalesce(r.revises, e.revises, e.seq) "
        )
    };
}
pub(super) use described_tables;

#[derive(sqlx::FromRow)]
pub(super) struct DescribedRow {
    #[sqlx(flatten)]
    entry: EntryRow,
    dimensions: Option<String>,
}

impl Store {
    /// Makes these the dimensions that consumption is counted by. What is in the books is counted by the new ones.
    pub async fn declare_dimensions(&self, names: &[String]) -> Result<(), StoreError> {
        self.declare_alone(names, None).await
    }

    /// The same on a database that servers share: as long as `alone` keeps all others from posting. Fails once it doesn't,
    /// and what was counted is never taken for whole.
    pub(super) async fn declare_alone(
        &self,
        names: &[String],
        mut alone: Option<&mut Listening>,
    ) -> Result<(), StoreError> {
        let known = self.known_dimensions().await?;
        let is_complete = |name: &String| known.iter().any(|(known, complete)| known == name && *complete);
        for (name, _) in known.iter().filter(|(name, _)| !names.contains(name) || !is_complete(name)) {
            tracing::info!(dimension = name, "no longer counting by this dimension");
            self.drop_dimension(name).await?;
        }
        let new: Vec<String> = names.iter().filter(|name| !is_complete(name)).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        tracing::info!(dimensions = ?new, "counting what is in the books by new dimensions");
        self.set_complete(&new, false).await?;
        let mut from_no = 0;
        while let Some(account) = self.find_kept_account(from_no).await? {
            self.count_account(account, &new, alone.as_deref_mut()).await?;
            from_no = account.no.saturating_add(1);
        }
        still_alone(alone).await?;
        self.set_complete(&new, true).await
    }

    /// The dimensions that are counted by, and whether all that is in the books is counted.
    pub(super) async fn known_dimensions(&self) -> Result<Vec<(String, bool)>, StoreError> {
        let known: Vec<(String, i64)> = read!(self, db => Ok(
            sqlx::query_as("SELECT name, is_complete FROM usage_dimensions").fetch_all(db).await?
        ))?;
        Ok(known.into_iter().map(|(name, is_complete)| (name, is_complete == 1)).collect())
    }

    async fn set_complete(&self, names: &[String], is_complete: bool) -> Result<(), StoreError> {
        change!(self, db => {
            for name in names {
                sqlx::query(
                    "INSERT INTO usage_dimensions (name, is_complete) VALUES ($1, $2) \
                     ON CONFLICT (name) DO UPDATE SET is_complete = excluded.is_complete",
                )
                .bind(name)
                .bind(i64::from(is_complete))
                .execute(&mut *db)
                .await?;
            }
            Ok(())
        })
    }

    async fn count_account(
        &self,
        account: KeptAccount,
        names: &[String],
        mut alone: Option<&mut Listening>,
    ) -> Result<(), StoreError> {
        let mut series = DimensionSeries::new(names.to_vec());
        let mut seq = 0;
        while seq < account.seq {
            let to = seq.saturating_add(STEP).min(account.seq);
            for (entry, pairs) in self.described_entries(account.no, seq, to).await? {
                series.count(&entry, pairs.as_ref());
            }
            self.add_values(account.no, &series.drain(), alone.as_deref_mut()).await?;
            seq = to;
        }
        Ok(())
    }

    async fn add_values(
        &self,
        no: i64,
        sums: &ValueTotals,
        alone: Option<&mut Listening>,
    ) -> Result<(), StoreError> {
        if sums.is_empty() {
            return Ok(());
        }
        let owned = |sums: &BTreeMap<DimensionKey, Totals>| {
            sums.iter().map(|(key, totals)| ((no, key.clone()), *totals)).collect()
        };
        let values = ValueSums { used: owned(&sums.used), taken_back: owned(&sums.taken_back) };
        let mut posting = self.begin_counting().await?;
        posting.begin()?;
        posting.write_values(&values).await?;
        // Last of all, so that nobody else can have counted the same by then.
        if let Err(error) = still_alone(alone).await {
            posting.rollback().await?;
            return Err(error);
        }
        posting.commit().await
    }

    async fn drop_dimension(&self, name: &str) -> Result<(), StoreError> {
        let last = self.last_kept_account().await?.unwrap_or_default();
        let mut from_no = 0;
        while from_no <= last {
            let to_no = from_no.saturating_add(ACCOUNTS);
            note!(self, db => {
                let all = "DELETE FROM dimension_rollups WHERE account >= $1 AND account < $2 AND dimension = $3";
                sqlx::query(all).bind(from_no).bind(to_no).bind(name).execute(db).await?;
                Ok(())
            })?;
            from_no = to_no;
        }
        change!(self, db => {
            sqlx::query("DELETE FROM usage_dimensions WHERE name = $1").bind(name).execute(db).await?;
            Ok(())
        })
    }

    /// Entries `after < seq ≤ to` about events that have dimensions, with those that are not erased.
    pub(super) async fn described_entries(
        &self,
        account_no: i64,
        after: u64,
        to: u64,
    ) -> Result<Vec<(Entry, Option<Pairs>)>, StoreError> {
        let rows: Vec<DescribedRow> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT ", entry_columns!(), ", d.dimensions FROM ", described_tables!(),
            "WHERE e.account = $1 AND e.seq > $2 AND e.seq <= $3 AND e.dimensions_hash IS NOT NULL ORDER BY e.seq",
        ))
        .bind(account_no)
        .bind(after.cast_signed())
        .bind(to.cast_signed())
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(DescribedRow::into_parts).collect()
    }
}

async fn still_alone(alone: Option<&mut Listening>) -> Result<(), StoreError> {
    match alone {
        Some(listening) => listening.still_alone().await,
        None => Ok(()),
    }
}

impl DescribedRow {
    pub fn into_parts(self) -> Result<(Entry, Option<Pairs>), StoreError> {
        let entry = self.entry.into_entry()?;
        let pairs = self.dimensions.map(|text| pairs(&text, entry.seq.cast_signed())).transpose()?;
        Ok((entry, pairs))
    }
}
