//! Holds, and what became of holds and events: the acts that revise them.

use std::collections::{BTreeSet, HashMap};

use ledger::entry::{Entry, Movement};
use ledger::event::EventKey;
use ledger::grant::Grant;
use ledger::wallet::Hold;
use ledger::{AccountId, HoldId, KeyId};
use sqlx::SqliteConnection;

use super::posting::{Posting, on};
use super::rows::{Column, EntryRow, GrantRow, entry_columns, entry_tables, grant_columns, parse_text};
use super::{Store, StoreError, bulk, read};

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
    /// Position among all entries of the store: the cursor of a service's list.
    pub no: u64,
    pub account: AccountId,
    /// Leg 0.
    pub entry: Entry,
    /// Leg 0 of the act that closed it.
    pub closed_by: Option<Entry>,
}

/// Whose holds to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldsOf {
    /// By the account's number.
    Account(i64),
    /// Those that a service key made.
    Service(KeyId),
}

/// Which holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldFilter {
    pub of: HoldsOf,
    pub status: Option<HoldStatus>,
}

/// The conditions of [`HoldFilter`]: whose (`$1`), and the name of a status (`$2`).
macro_rules! holds_where {
    ($owner:literal) => {
        concat!(
            "WHERE ",
            $owner,
            " AND e.deadline IS NOT NULL AND ($2 IS NULL OR $2 = coalesce((SELECT CASE WHEN c.movement = 6 THEN 'settled' \
             WHEN c.service_key IS NULL THEN 'expired' ELSE 'released' END FROM entries c \
             WHERE c.account = e.account AND c.revises = e.seq AND c.revises IS NOT NULL), 'active')) "
        )
    };
}

macro_rules! list_holds {
    ($owner:literal, $order:literal) => {
        concat!(
            "SELECT e.no, e.account AS account_no, a.id AS account_id, ",
            entry_columns!(),
            "FROM ",
            entry_tables!(),
            "JOIN accounts a ON a.no = e.account ",
            holds_where!($owner),
            "AND e.no < $3 ORDER BY ",
            $order,
            " DESC LIMIT $4 OFFSET $5"
        )
    };
}

macro_rules! count_holds {
    ($owner:literal) => {
        concat!("SELECT count(*) FROM entries e ", holds_where!($owner))
    };
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
    no: i64,
    account_no: i64,
    account_id: String,
    #[sqlx(flatten)]
    entry: EntryRow,
}

impl Posting<'_> {
    /// The open holds of these accounts (a JSON array of numbers).
    pub(super) async fn open_holds(&mut self, numbers: &str) -> Result<HashMap<i64, Vec<Hold>>, StoreError> {
        let rows: Vec<OwnedRow> = on!(self, db => sqlx::query_as(concat!(
            "SELECT e.account AS account_no, ", entry_columns!(), "FROM open_holds h CROSS JOIN ", entry_tables!(),
            "WHERE h.account IN (SELECT value FROM json_each($1)) AND e.account = h.account \
             AND e.seq >= h.seq AND e.seq < h.seq + h.legs ORDER BY e.account, e.seq",
        ))
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
        let seqs: Vec<(i64,)> = on!(self, db => sqlx::query_as(
            "SELECT seq FROM entries WHERE account = $1 AND revises = $2 AND revises IS NOT NULL ORDER BY seq",
        )
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
        let rows: Vec<GrantRow> = on!(self, db => sqlx::query_as(concat!(
            "SELECT ", grant_columns!(), "FROM grants g WHERE g.account = $1 \
             AND (g.seq IN (SELECT value FROM json_each($2)) OR ($3 AND g.repaid > 0))",
        ))
        .bind(account_no)
        .bind(bulk::json(seqs))
        .bind(with_repaid)
        .fetch_all(db)
        .await?);
        rows.into_iter().map(GrantRow::into_grant).collect()
    }
}

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
        let seqs: Vec<(i64,)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT seq FROM entries WHERE account = $1 AND revises = $2 AND revises IS NOT NULL ORDER BY seq",
        )
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

    /// The hold of this id, with the account's number.
    pub async fn find_hold(&self, hold: HoldId) -> Result<Option<(i64, HoldRow)>, StoreError> {
        // A `seq` that no entry can have.
        let Ok(seq) = i64::try_from(hold.seq) else { return Ok(None) };
        let row: Option<ListRow> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT e.no, e.account AS account_no, a.id AS account_id, ", entry_columns!(),
            "FROM accounts a CROSS JOIN ", entry_tables!(),
            "WHERE a.id = $1 AND e.account = a.no AND e.seq = $2 AND e.deadline IS NOT NULL",
        ))
        .bind(hold.account.to_string())
        .bind(seq)
        .fetch_optional(db)
        .await?))?;
        let Some(row) = row else { return Ok(None) };
        let account_no = row.account_no;
        Ok(Some((account_no, self.with_end(row).await?)))
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

    /// Holds made before the cursor `before`, the newest first.
    pub async fn list_holds(
        &self,
        filter: &HoldFilter,
        before: u64,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<HoldRow>, StoreError> {
        let status = filter.status.map(HoldStatus::name);
        let rows: Vec<ListRow> = read!(self, db => Ok(match &filter.of {
            HoldsOf::Account(no) => sqlx::query_as(list_holds!("e.account = $1", "e.seq")).bind(no),
            HoldsOf::Service(key) => sqlx::query_as(list_holds!("e.service_key = $1", "e.no")).bind(key.as_str()),
        }
        .bind(status)
        .bind(i64::try_from(before).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .bind(i64::from(offset))
        .fetch_all(db)
        .await?))?;
        let mut holds = Vec::with_capacity(rows.len());
        for row in rows {
            holds.push(self.with_end(row).await?);
        }
        Ok(holds)
    }

    /// How many holds the filter lets through.
    pub async fn count_holds(&self, filter: &HoldFilter) -> Result<u64, StoreError> {
        let status = filter.status.map(HoldStatus::name);
        let (count,): (i64,) = read!(self, db => Ok(match &filter.of {
            HoldsOf::Account(no) => sqlx::query_as(count_holds!("e.account = $1")).bind(no),
            HoldsOf::Service(key) => sqlx::query_as(count_holds!("e.service_key = $1")).bind(key.as_str()),
        }
        .bind(status)
        .fetch_one(db)
        .await?))?;
        count.read("entries", "count", "holds")
    }

    async fn with_end(&self, row: ListRow) -> Result<HoldRow, StoreError> {
        let entry = row.entry.into_entry()?;
        let closed_by = self.revising_entries(row.account_no, entry.seq).await?.into_iter().next();
        Ok(HoldRow {
            no: row.no.read("entries", "no", row.no)?,
            account: parse_text(&row.account_id, "accounts", "id")?,
            entry,
            closed_by,
        })
    }
}

/// Leg 0 of each open hold of an account, the oldest first.
pub(super) async fn open_holds(db: &mut SqliteConnection, account_no: i64) -> Result<Vec<Entry>, StoreError> {
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
