//! Holds, and what became of holds and events: the acts that revise them.

use std::collections::{BTreeSet, HashMap};

use ledger::entry::{Entry, Movement};
use ledger::event::EventKey;
use ledger::grant::Grant;
use ledger::wallet::Hold;
use ledger::{AccountId, HoldId, KeyId, Timestamp};
use sqlx::AssertSqlSafe;

use super::dialect::{Dialect as _, Sql};
use super::posting::{Posting, on};
use super::rows::{
    Column, EntryRow, GrantRow, entry_columns, entry_tables, grant_columns, grants_of_entries,
    legs_of_open_holds, parse_text,
};
use super::{Store, StoreError, bulk, on_connection, read};

/// An entry with its account.
#[derive(sqlx::FromRow)]
struct OwnedRow {
    account_no: i64,
    #[sqlx(flatten)]
    entry: EntryRow,
}

/// A hold with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// Where the list goes on after it.
    pub cursor: u64,
    pub account: AccountId,
    /// Leg 0.
    pub entry: Entry,
    pub status: HoldStatus,
    /// When it was closed; a deadline closes it whether or not that is in the books yet.
    pub closed_at: Option<Timestamp>,
    /// The event that it became, by the `seq` of its leg 0.
    pub event: Option<u64>,
}

/// Whose holds to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldsOf {
    /// By the account's number.
    Account(i64),
    /// Those that a service made, with any of the keys that replaced each other; by the first of them.
    Service(KeyId),
}

/// Which holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldFilter {
    pub of: HoldsOf,
    pub status: Option<HoldStatus>,
}

/// What a hold is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldStatus {
    Active,
    Settled,
    Released,
    /// Released by itself, at its deadline.
    Expired,
}

impl HoldStatus {
    pub const ALL: [Self; 4] = [Self::Active, Self::Settled, Self::Released, Self::Expired];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// By leg 0 of what closed the hold. What no service asked for happened by itself.
    pub fn of(closed_by: Option<&Entry>) -> Self {
        let is_asked_for = |act: &Entry| act.event.as_ref().is_some_and(|event| event.service_key.is_some());
        match closed_by {
            None => Self::Active,
            Some(act) if act.movement == Movement::Settle => Self::Settled,
            Some(act) if is_asked_for(act) => Self::Released,
            Some(_) => Self::Expired,
        }
    }
}

#[derive(sqlx::FromRow)]
struct ListRow {
    cursor: i64,
    account_id: String,
    #[sqlx(flatten)]
    entry: EntryRow,
    closed_as: Option<i64>,
    closed_seq: Option<i64>,
    closed_at: Option<i64>,
    /// Whether a service asked for the end.
    is_asked_for: bool,
}

impl ListRow {
    fn into_hold(self, now: Timestamp) -> Result<HoldRow, StoreError> {
        let entry = self.entry.into_entry()?;
        let is_settled = self.closed_as == Some(i64::from(Movement::Settle.code()));
        let lapsed = entry.deadline.filter(|deadline| *deadline <= now);
        let closed_at = self.closed_at.map(Timestamp::from_micros).or(lapsed);
        let status = match closed_at {
            None => HoldStatus::Active,
            Some(_) if is_settled => HoldStatus::Settled,
            Some(_) if self.is_asked_for => HoldStatus::Released,
            Some(_) => HoldStatus::Expired,
        };
        let event = self.closed_seq.filter(|_| is_settled);
        Ok(HoldRow {
            cursor: self.cursor.read("entries", "no", self.cursor)?,
            account: parse_text(&self.account_id, "accounts", "id")?,
            event: event.map(|seq| seq.read("entries", "seq", seq)).transpose()?,
            entry,
            status,
            closed_at,
        })
    }
}

impl HoldFilter {
    /// `select` over the holds that the filter lets through; `$1` is whose, `$2` the instant. What became of a hold `e` is `c`.
    fn sql(&self, select: &str) -> String {
        let owner = match self.of {
            HoldsOf::Account(_) => "e.account = $1",
            HoldsOf::Service(_) => {
                "e.service_key IN (SELECT id FROM service_keys WHERE id = $1 UNION ALL SELECT id FROM service_keys WHERE line = $1)"
            }
        };
        // The few that are open are looked up from their own table.
        let (from, status) = match self.status {
            Some(HoldStatus::Active) => (
                "open_holds h CROSS JOIN entries e",
                "e.account = h.account AND e.seq = h.seq AND h.deadline > $2",
            ),
            Some(HoldStatus::Settled) => ("entries e", "c.movement = 6"),
            Some(HoldStatus::Released) => ("entries e", "c.movement = 7 AND c.service_key IS NOT NULL"),
            Some(HoldStatus::Expired) => (
                "entries e",
                "c.service_key IS NULL AND (c.movement = 7 OR c.seq IS NULL AND e.deadline <= $2)",
            ),
            None => ("entries e", "$2 IS NOT NULL"),
        };
        format!(
            "SELECT {select} FROM {from} LEFT JOIN entries c ON c.account = e.account AND c.revises = e.seq \
             AND c.revises IS NOT NULL AND c.movement IN (6, 7) {GRANT_OF_HOLD} JOIN accounts a ON a.no = e.account \
             WHERE {owner} AND e.deadline IS NOT NULL AND {status}"
        )
    }

    const fn cursor(&self) -> &'static str {
        match self.of {
            HoldsOf::Account(_) => "e.seq",
            HoldsOf::Service(_) => "e.no",
        }
    }
}

/// What [`EntryRow`] reads of a grant that an entry issued; a hold issues none.
const GRANT_OF_HOLD: &str = "LEFT JOIN grants g ON g.account = e.account AND g.seq = e.seq";

impl Posting<'_> {
    /// The open holds of these accounts (a JSON array of numbers).
    pub(super) async fn open_holds(&mut self, numbers: &str) -> Result<HashMap<i64, Vec<Hold>>, StoreError> {
        let rows: Vec<OwnedRow> = on!(self, db => sqlx::query_as(db.says(OPEN_HOLDS))
        .bind(numbers.to_owned())
        .fetch_all(db)
        .await?);
        let mut legs: Vec<(i64, Vec<Entry>)> = vec![];
        for row in rows {
            let entry = row.entry.into_entry()?;
            match legs.last_mut() {
                Some((_, hold)) if entry.leg > 0 => hold.push(entry),
                _ => legs.push((row.account_no, vec![entry])),
            }
        }
        let mut holds: HashMap<i64, Vec<Hold>> = HashMap::new();
        for (account_no, legs) in legs {
            holds.entry(account_no).or_default().extend(Hold::of(&legs));
        }
        Ok(holds)
    }

    /// The acts that revise what begins at an entry, leg 0 and all others of each: what closed a hold, or the corrections of an
    /// event, the oldest first.
    pub async fn revisions(&mut self, account_no: i64, of: u64) -> Result<Vec<Vec<Entry>>, StoreError> {
        let seqs: Vec<(i64,)> = on!(self, db => sqlx::query_as(REVISIONS)
        .bind(account_no)
        .bind(of.cast_signed())
        .fetch_all(db)
        .await?);
        let mut acts = vec![];
        for (seq,) in seqs {
            acts.push(self.act(account_no, seq).await?);
        }
        Ok(acts)
    }

    /// The entries of the act whose leg 0 has this `seq`.
    pub async fn act(&mut self, account_no: i64, seq: i64) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<EntryRow> = on!(self, db => sqlx::query_as(ACT)
            .bind(account_no)
            .bind(seq)
            .fetch_all(db)
            .await?);
        rows.into_iter().map(EntryRow::into_entry).collect()
    }

    /// These grants of an account and, `with_repaid`, all that have repaid debt.
    pub async fn grants(
        &mut self,
        account_no: i64,
        seqs: &BTreeSet<u64>,
        with_repaid: bool,
    ) -> Result<Vec<Grant>, StoreError> {
        let rows: Vec<GrantRow> = on!(self, db => sqlx::query_as(db.says(PAYERS))
        .bind(account_no)
        .bind(bulk::json(seqs))
        .bind(with_repaid)
        .fetch_all(db)
        .await?);
        rows.into_iter().map(GrantRow::into_grant).collect()
    }
}

/// All legs of open holds; `$1`: a JSON array of numbers of accounts.
macro_rules! open_holds {
    ($store:ident, $numbers:literal) => {
        concat!(
            "SELECT e.account AS account_no, ",
            entry_columns!(),
            "FROM ",
            legs_of_open_holds!($store),
            grants_of_entries!(),
            "WHERE h.account IN (SELECT ",
            $numbers,
            ") ORDER BY e.account, e.seq"
        )
    };
}

const OPEN_HOLDS: Sql = Sql {
    sqlite: open_holds!(sqlite, "value FROM json_each($1)"),
    postgres: open_holds!(postgres, "CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON))"),
};

/// Grants that an event may give back to; `$2`: a JSON array of their places.
macro_rules! payers {
    ($places:literal) => {
        concat!(
            "SELECT ",
            grant_columns!(),
            "FROM grants g WHERE g.account = $1 AND (g.seq IN (SELECT ",
            $places,
            ") OR ($3 AND g.repaid > 0))"
        )
    };
}

const PAYERS: Sql = Sql {
    sqlite: payers!("value FROM json_each($2)"),
    postgres: payers!("CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS JSON))"),
};

/// Leg 0 of each act that revises what begins at an entry, the oldest first.
const REVISIONS: &str =
    "SELECT seq FROM entries WHERE account = $1 AND revises = $2 AND revises IS NOT NULL ORDER BY seq";

/// Legs follow each other without gaps: the last is the first whose next entry is not its next leg.
const ACT: &str = concat!(
    "SELECT ",
    entry_columns!(),
    "FROM ",
    entry_tables!(),
    "WHERE e.account = $1 AND e.seq >= $2 AND e.seq <= (SELECT l.seq FROM entries l \
     LEFT JOIN entries n ON n.account = l.account AND n.seq = l.seq + 1 \
     WHERE l.account = $1 AND l.seq >= $2 AND (n.leg IS NULL OR n.leg = 0) ORDER BY l.seq LIMIT 1) ORDER BY e.seq",
);

impl Store {
    /// The entries of the act whose leg 0 is entry `seq`; empty when none begins there.
    pub async fn act(&self, account_no: i64, seq: u64) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<EntryRow> = read!(self, db => Ok(sqlx::query_as(ACT)
            .bind(account_no)
            .bind(seq.cast_signed())
            .fetch_all(db)
            .await?))?;
        let legs = rows.into_iter().map(EntryRow::into_entry).collect::<Result<Vec<_>, _>>()?;
        Ok(if legs.first().is_some_and(|first| first.leg == 0) { legs } else { vec![] })
    }

    /// The acts that revise what begins at entry `of`, all their entries in order.
    pub async fn revising_entries(&self, account_no: i64, of: u64) -> Result<Vec<Entry>, StoreError> {
        let seqs: Vec<(i64,)> = read!(self, db => Ok(sqlx::query_as(REVISIONS)
        .bind(account_no)
        .bind(of.cast_signed())
        .fetch_all(db)
        .await?))?;
        let mut entries = vec![];
        for (seq,) in seqs {
            entries.extend(self.act(account_no, seq.cast_unsigned()).await?);
        }
        Ok(entries)
    }

    /// Leg 0 of the hold of this id, with the account's number.
    pub async fn find_hold(&self, hold: HoldId) -> Result<Option<(i64, Entry)>, StoreError> {
        // A `seq` that no entry can have.
        let Ok(seq) = i64::try_from(hold.seq) else { return Ok(None) };
        let row: Option<OwnedRow> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT e.account AS account_no, ", entry_columns!(), "FROM accounts a CROSS JOIN ", entry_tables!(),
            "WHERE a.id = $1 AND e.account = a.no AND e.seq = $2 AND e.deadline IS NOT NULL",
        ))
        .bind(hold.account.to_string())
        .bind(seq)
        .fetch_optional(db)
        .await?))?;
        row.map(|row| Ok((row.account_no, row.entry.into_entry()?))).transpose()
    }

    /// Leg 0 of what has taken this name: an event or a hold, with its account's number.
    pub async fn find_named(&self, key: &EventKey) -> Result<Option<(i64, Entry)>, StoreError> {
        let row: Option<OwnedRow> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT e.account AS account_no, ", entry_columns!(), "FROM ", entry_tables!(),
            "WHERE e.source = $1 AND e.event_id = $2 AND e.source IS NOT NULL AND e.movement IN (2, 5, 8)",
        ))
        .bind(key.source())
        .bind(key.id())
        .fetch_optional(db)
        .await?))?;
        row.map(|row| Ok((row.account_no, row.entry.into_entry()?))).transpose()
    }

    /// Holds before the cursor `before`, the newest first.
    pub async fn list_holds(
        &self,
        filter: &HoldFilter,
        now: Timestamp,
        before: u64,
        (limit, offset): (u32, u32),
    ) -> Result<Vec<HoldRow>, StoreError> {
        let cursor = filter.cursor();
        let select = format!(
            "{cursor} AS cursor, a.id AS account_id, c.movement AS closed_as, c.seq AS closed_seq, \
             c.recorded_at AS closed_at, c.service_key IS NOT NULL AS is_asked_for, {}",
            entry_columns!()
        );
        let sql =
            format!("{} AND {cursor} < $3 ORDER BY {cursor} DESC LIMIT $4 OFFSET $5", filter.sql(&select));
        let rows: Vec<ListRow> = read!(self, db => {
            let query = sqlx::query_as(AssertSqlSafe(sql));
            Ok(match &filter.of {
                HoldsOf::Account(no) => query.bind(no),
                HoldsOf::Service(key) => query.bind(key.as_str()),
            }
            .bind(now.micros())
            .bind(i64::try_from(before).unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .bind(i64::from(offset))
            .fetch_all(db)
            .await?)
        })?;
        rows.into_iter().map(|row| row.into_hold(now)).collect()
    }

    /// How many holds the filter lets through.
    pub async fn count_holds(&self, filter: &HoldFilter, now: Timestamp) -> Result<u64, StoreError> {
        let sql = filter.sql("count(*)");
        let (count,): (i64,) = read!(self, db => {
            let query = sqlx::query_as(AssertSqlSafe(sql));
            Ok(match &filter.of {
                HoldsOf::Account(no) => query.bind(no),
                HoldsOf::Service(key) => query.bind(key.as_str()),
            }
            .bind(now.micros())
            .fetch_one(db)
            .await?)
        })?;
        count.read("entries", "count", "holds")
    }
}

on_connection! {
    pub(super) trait OpenHolds {
        /// Leg 0 of each open hold of an account, the oldest first.
        async fn open_holds(&mut db, account_no: i64) -> Result<Vec<Entry>, StoreError> {
            let rows: Vec<EntryRow> = sqlx::query_as(concat!(
                "SELECT ",
                entry_columns!(),
                "FROM open_holds h CROSS JOIN ",
                entry_tables!(),
                "WHERE h.account = $1 AND e.account = h.account AND e.seq = h.seq ORDER BY e.seq",
            ))
            .bind(account_no)
            .fetch_all(db)
            .await?;
            rows.into_iter().map(EntryRow::into_entry).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::store::DatabaseUrl;

    async fn plan(store: &Store, sql: String) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(i64, i64, i64, String)> = read!(store, db =>
            Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(1).bind(0).fetch_all(db).await?))?;
        Ok(rows.into_iter().map(|(_, _, _, step)| step).collect())
    }

    #[tokio::test]
    async fn holds_are_listed_by_index_however_many_entries_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(directory.path().join("console.db"));
        let store = Store::open(&url, &ManualClock::at(Timestamp::from_micros(0))).await.unwrap();
        let service: KeyId = "key_000000000000".parse().unwrap();
        for of in [HoldsOf::Account(1), HoldsOf::Service(service)] {
            for status in HoldStatus::ALL.into_iter().map(Some).chain([None]) {
                let filter = HoldFilter { of: of.clone(), status };
                let sql =
                    format!("EXPLAIN QUERY PLAN {} ORDER BY {} DESC", filter.sql("e.seq"), filter.cursor());
                let steps = plan(&store, sql).await.unwrap();
                let is_bad =
                    |step: &String| ["SCAN e", "SCAN c", "SCAN g"].iter().any(|bad| step.starts_with(bad));
                assert!(!steps.iter().any(is_bad), "{filter:?}: {steps:?}");
                assert!(
                    steps.iter().any(|step| step.contains("entries_closing_key")),
                    "{filter:?}: {steps:?}"
                );
            }
        }
    }
}
