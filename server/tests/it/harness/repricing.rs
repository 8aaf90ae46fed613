//! An account's books by its own prices: what the what-if of the ledger makes of them is what was charged.

use std::collections::BTreeMap;

use ledger::Timestamp;
use ledger::verify::Watch;
use ledger::what_if::{Prices, Repricing};
use server::store::RollupFilter;

use super::{Member, World};

impl World {
    /// Prices everything that the account has ever used anew, and holds it against what charts and limits count with:
    /// by operation, to the micro-credit.
    pub async fn assert_reprices(&self, member: &Member) {
        let store = &self.console.store;
        let (from, to) = (Timestamp::from_micros(0), Timestamp::from_micros(i64::MAX));
        let mut entries = store.entries_before(member.account_no, u64::MAX, u32::MAX).await.expect("entries");
        entries.reverse();
        let cards = store.rate_cards().await.expect("prices");
        let mut repricing = Repricing::new(Prices::Own(&cards), from..to, Watch::All);
        for entry in &entries {
            repricing.take(entry).expect("what was charged can be counted");
        }
        let filter = RollupFilter { account: member.account_no, from, to, operation: None, api_key: None };
        let mut charged = BTreeMap::<String, (u64, i64, i64)>::new();
        for row in store.rollups(filter).await.expect("rollups") {
            let sum = charged.entry(row.operation).or_default();
            *sum = (sum.0 + row.count, sum.1 + row.quantity.micros(), sum.2 + row.credits.micros());
        }
        let repriced = repricing.operations().iter().map(|(operation, of)| {
            assert_eq!((of.charged, of.unpriced), (of.credits, 0), "{operation}");
            (operation.clone(), (of.events, of.quantity.micros(), of.credits.micros()))
        });
        assert_eq!(repriced.collect::<BTreeMap<_, _>>(), charged, "{}", member.account);
    }
}
