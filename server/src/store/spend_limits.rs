//! What keys may spend, and have spent. The latter is no number of its own: it is what the rollups hold of a key's events, and
//! what its open holds keep, so `verify` finds it falsified where it finds the books falsified.

use std::collections::HashMap;

use ledger::spend_limit::{LimitMode, SpendLimit};
use ledger::{Credits, KeyId, Timestamp};

use super::api_keys::{limit_columns, parse_limit};
use super::posting::{Posting, on};
use super::rows::{Column as _, parse_text};
use super::{Store, StoreError, read};

/// An account's keys, and which of them spend under whose limits.
#[derive(Debug, Clone)]
pub struct KeyFamilies {
    /// IANA name; periods are those of this zone.
    pub time_zone: String,
    keys: HashMap<KeyId, Kin>,
}

#[derive(Debug, Clone)]
struct Kin {
    /// The first of the keys that replaced each other. They share what they may spend.
    line: KeyId,
    made_with: Option<KeyId>,
    limit: Option<SpendLimit>,
}

/// Credits by key.
pub type Spent = HashMap<KeyId, Credits>;

impl KeyFamilies {
    /// The limits that refuse what a key spends, its own first, then those of the keys that it was made with: whose, and the
    /// line that it counts for.
    pub fn hard_limits<'a>(
        &'a self,
        key: &'a KeyId,
    ) -> impl Iterator<Item = (&'a KeyId, &'a KeyId, SpendLimit)> {
        let limits = self.ancestry(key).filter_map(|(key, kin)| Some((key, &kin.line, kin.limit?)));
        limits.filter(|(.., limit)| limit.mode == LimitMode::Hard)
    }

    /// Whether what a key spends counts for a line: its own one, or that of a key that it was made with.
    pub fn counts_for(&self, key: &KeyId, line: &KeyId) -> bool {
        self.ancestry(key).any(|(_, kin)| kin.line == *line)
    }

    /// The line of a key.
    pub fn line(&self, key: &KeyId) -> Option<&KeyId> {
        self.keys.get(key).map(|kin| &kin.line)
    }

    /// What was spent for a line, of what each key has spent.
    pub fn spent_for(&self, line: &KeyId, spent: &Spent) -> Credits {
        let counted = spent.iter().filter(|(key, _)| self.counts_for(key, line));
        Credits::sum(counted.map(|(_, credits)| *credits)).unwrap_or(Credits::MAX)
    }

    /// A key, the one that it was made with, and so on.
    fn ancestry<'a>(&'a self, key: &'a KeyId) -> impl Iterator<Item = (&'a KeyId, &'a Kin)> {
        let found = |key: &'a KeyId| self.keys.get(key).map(|kin| (key, kin));
        let maker = move |(_, kin): &(&'a KeyId, &'a Kin)| kin.made_with.as_ref().and_then(found);
        // A key is older than those made with it; rows that say otherwise end here.
        std::iter::successors(found(key), maker).take(self.keys.len())
    }
}

#[derive(sqlx::FromRow)]
struct KinRow {
    id: String,
    line: String,
    made_with: Option<String>,
    limit_credits: Option<i64>,
    limit_period: Option<String>,
    limit_mode: Option<String>,
    time_zone: String,
}

const KIN: &str = concat!(
    "SELECT k.id, coalesce(k.line, k.id) AS line, k.made_with, a.time_zone, ",
    limit_columns!(),
    " FROM api_keys k JOIN accounts a ON a.no = k.account WHERE k.account = $1"
);

/// `$2 ≤ bucket < $3`; periods are whole numbers of buckets.
const SPENT: &str = "SELECT api_key, CAST(sum(credits) AS BIGINT) AS credits FROM rollups \
    WHERE account = $1 AND bucket >= $2 AND bucket < $3 AND api_key <> '' GROUP BY api_key";

/// The same of open holds, which happen when they are made.
const HELD: &str = "SELECT e.api_key, CAST(sum(e.credits) AS BIGINT) AS credits FROM open_holds h \
    JOIN entries e ON e.account = h.account AND e.seq = h.seq \
    WHERE h.account = $1 AND e.recorded_at >= $2 AND e.recorded_at < $3 AND e.api_key IS NOT NULL GROUP BY e.api_key";

fn families(rows: Vec<KinRow>) -> Result<KeyFamilies, StoreError> {
    let id = |text: &str, column| parse_text(text, "api_keys", column);
    let mut found = KeyFamilies { time_zone: "UTC".to_owned(), keys: HashMap::with_capacity(rows.len()) };
    for row in rows {
        let (period, mode) = (row.limit_period.as_deref(), row.limit_mode.as_deref());
        let kin = Kin {
            line: id(&row.line, "line")?,
            made_with: row.made_with.map(|key| id(&key, "made_with")).transpose()?,
            limit: parse_limit(row.limit_credits, period, mode, &row.id)?,
        };
        found.keys.insert(id(&row.id, "id")?, kin);
        found.time_zone = row.time_zone;
    }
    Ok(found)
}

fn add(rows: Vec<(String, i64)>, spent: &mut Spent) -> Result<(), StoreError> {
    for (key, credits) in rows {
        let credits: Credits = credits.read("rollups", "credits", &key)?;
        let sum: &mut Credits = spent.entry(parse_text(&key, "rollups", "api_key")?).or_default();
        *sum = sum.checked_add(credits).unwrap_or(Credits::MAX);
    }
    Ok(())
}

impl Posting<'_> {
    /// An account's keys.
    pub async fn key_families(&mut self, account_no: i64) -> Result<KeyFamilies, StoreError> {
        let rows: Vec<KinRow> = on!(self, db => sqlx::query_as(KIN).bind(account_no).fetch_all(db).await?);
        families(rows)
    }

    /// What each key's events of a period came to; open holds are not in it.
    pub async fn used_by_keys(
        &mut self,
        account_no: i64,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Spent, StoreError> {
        let rows: Vec<(String, i64)> = on!(self, db => sqlx::query_as(SPENT)
            .bind(account_no)
            .bind(from.micros())
            .bind(to.micros())
            .fetch_all(db)
            .await?);
        let mut spent = Spent::new();
        add(rows, &mut spent)?;
        Ok(spent)
    }
}

impl Store {
    /// An account's keys, and what each has spent and holds in these periods, as of one moment.
    pub async fn spent_by_keys(
        &self,
        account_no: i64,
        periods: &[(Timestamp, Timestamp)],
    ) -> Result<(KeyFamilies, Vec<Spent>), StoreError> {
        let (kin, sums): (Vec<KinRow>, Vec<Vec<(String, i64)>>) = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let kin = sqlx::query_as(KIN).bind(account_no).fetch_all(&mut *moment).await?;
            let mut sums = vec![];
            for (from, to) in periods {
                let mut both: Vec<(String, i64)> = vec![];
                for sql in [SPENT, HELD] {
                    let rows: Vec<(String, i64)> = sqlx::query_as(sql)
                        .bind(account_no)
                        .bind(from.micros())
                        .bind(to.micros())
                        .fetch_all(&mut *moment)
                        .await?;
                    both.extend(rows);
                }
                sums.push(both);
            }
            moment.commit().await?;
            Ok((kin, sums))
        })?;
        let mut spent = vec![];
        for rows in sums {
            let mut sum = Spent::new();
            add(rows, &mut sum)?;
            spent.push(sum);
        }
        Ok((families(kin)?, spent))
    }
}

#[cfg(test)]
mod tests {
    use ledger::spend_limit::LimitPeriod;

    use super::*;

    fn id(name: &str) -> KeyId {
        format!("key_{name:0>12}").parse().unwrap()
    }

    fn key(name: &str, line: &str, made_with: Option<&str>, limit: Option<(u32, LimitMode)>) -> (KeyId, Kin) {
        let limit = limit.map(|(amount, mode)| SpendLimit {
            amount: Credits::whole(amount),
            period: LimitPeriod::Day,
            mode,
        });
        (id(name), Kin { line: id(line), made_with: made_with.map(id), limit })
    }

    /// `b` has replaced `a`; `c` was made with `a`, `d` with `c`; `e` stands alone.
    fn family() -> KeyFamilies {
        let keys = HashMap::from([
            key("a", "a", None, Some((10, LimitMode::Hard))),
            key("b", "a", None, Some((10, LimitMode::Hard))),
            key("c", "c", Some("a"), Some((9, LimitMode::Notify))),
            key("d", "d", Some("c"), Some((3, LimitMode::Hard))),
            key("e", "e", None, None),
        ]);
        KeyFamilies { time_zone: "UTC".to_owned(), keys }
    }

    #[test]
    fn a_key_spends_under_its_own_limit_and_those_of_its_makers() {
        let family = family();
        let limits = |name: &str| -> Vec<(KeyId, KeyId)> {
            let key = id(name);
            let found = family.hard_limits(&key);
            found.map(|(whose, line, _)| (whose.clone(), line.clone())).collect()
        };
        assert_eq!(limits("d"), [(id("d"), id("d")), (id("a"), id("a"))]);
        assert_eq!(limits("c"), [(id("a"), id("a"))], "notify refuses nothing");
        assert_eq!(limits("b"), [(id("b"), id("a"))], "the successor counts for the same line");
        assert_eq!((limits("e"), limits("f")), (vec![], vec![]));
    }

    #[test]
    fn old_and_new_key_and_all_made_with_them_spend_from_one_purse() {
        let spent: Spent =
            ["a", "b", "c", "d", "e", "f"].into_iter().map(|name| (id(name), Credits::whole(1))).collect();
        let family = family();
        assert_eq!(family.spent_for(&id("a"), &spent), Credits::whole(4));
        assert_eq!(family.spent_for(&id("c"), &spent), Credits::whole(2));
        assert_eq!(family.spent_for(&id("e"), &spent), Credits::whole(1));
    }

    #[test]
    fn rows_that_go_in_a_circle_end() {
        let keys = HashMap::from([key("a", "a", Some("b"), None), key("b", "b", Some("a"), None)]);
        let family = KeyFamilies { time_zone: "UTC".to_owned(), keys };
        assert!(!family.counts_for(&id("a"), &id("z")));
    }
}
