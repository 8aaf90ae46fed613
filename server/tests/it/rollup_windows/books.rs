//! What was consumed, read from the raw rows of the books and counted in the simplest way there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ledger::{AccountId, Timestamp};
use serde_json::Value;
use server::store::DatabaseUrl;

use crate::harness::raw::Raw;

/// Values of a dimension that have a name of their own in a day.
const NAMED: usize = 50;
const DAY: i64 = 86_400_000_000;

/// Credits and quantity in millionths, number of events.
pub type Sum = (i64, i64, i64);

/// An event, or what was taken back of one.
pub struct Used {
    pub at: Timestamp,
    pub operation: String,
    pub key: Option<String>,
    /// The group that it counts in, by each declared dimension that it has.
    pub groups: BTreeMap<String, String>,
    pub sum: Sum,
}

/// All that an account has used, in the order of booking.
pub struct Books(pub Vec<Used>);

impl Books {
    pub async fn read(database: &DatabaseUrl, account: AccountId, declared: &[&str]) -> Self {
        let rows = Raw::open(database)
            .await
            .texts(&format!(
                // Two steps back at most: from a correction to a settlement to its hold.
                "SELECT concat_ws(' ', coalesce(h.occurred_at, h.recorded_at, r.occurred_at, r.recorded_at, \
                 e.occurred_at, e.recorded_at), \
                 e.credits - CASE WHEN e.movement > 8 THEN e.credits_before ELSE 0 END, \
                 e.quantity - CASE WHEN e.movement > 8 THEN e.quantity_before ELSE 0 END, \
                 CASE WHEN e.movement > 8 THEN 0 ELSE 1 END, \
                 e.operation, coalesce(e.api_key, '-'), coalesce(d.dimensions, '{{}}')) \
                 FROM entries e JOIN accounts a ON a.no = e.account \
                 LEFT JOIN entries r ON r.account = e.account AND r.seq = e.revises \
                 LEFT JOIN entries h ON h.account = e.account AND h.seq = r.revises \
                 LEFT JOIN event_dimensions d ON d.account = e.account AND d.seq = coalesce(h.seq, r.seq, e.seq) \
                 WHERE a.id = '{account}' AND e.source IS NOT NULL AND e.movement NOT IN (5, 7) ORDER BY e.seq"
            ))
            .await;
        let mut named: HashMap<(String, i64), BTreeSet<String>> = HashMap::new();
        let rows = rows.iter().map(|row| {
            let mut columns = row.splitn(7, ' ');
            let mut next = || columns.next().unwrap_or_else(|| panic!("seven columns: {row}"));
            let mut number = || next().parse::<i64>().expect("a number");
            let (at, credits, quantity, count) = (number(), number(), number(), number());
            let (operation, key) = (next().to_owned(), next());
            let pairs: Value = serde_json::from_str(next()).expect("JSON");
            let mut groups = BTreeMap::new();
            for name in declared {
                let Some(value) = pairs[*name].as_str().filter(|value| !value.is_empty()) else {
                    continue;
                };
                let named = named.entry(((*name).to_owned(), at.div_euclid(DAY))).or_default();
                let fits = value != "other" && (named.contains(value) || named.len() < NAMED);
                if fits {
                    named.insert(value.to_owned());
                }
                groups.insert((*name).to_owned(), if fits { value } else { "other" }.to_owned());
            }
            Used {
                at: Timestamp::from_micros(at),
                operation,
                key: Some(key).filter(|key| *key != "-").map(str::to_owned),
                groups,
                sum: (credits, quantity, count),
            }
        });
        Self(rows.collect())
    }

    /// Corrections.
    pub fn taken_back(&self) -> usize {
        self.0.iter().filter(|used| used.sum.2 == 0).count()
    }

    /// Days of a dimension on which some values have no name.
    pub fn crowded_days(&self, dimension: &str) -> usize {
        let crowded =
            self.0.iter().filter(|used| used.groups.get(dimension).is_some_and(|group| group == "other"));
        crowded.map(|used| used.at.micros().div_euclid(DAY)).collect::<BTreeSet<_>>().len()
    }
}
