//! Meters by a label whose values are found out while the server runs: few, and never a caller's own words.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// One meter for each value of a label.
#[derive(Debug)]
pub struct Labelled<T>(RwLock<BTreeMap<String, Arc<T>>>);

impl<T> Default for Labelled<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Default> Labelled<T> {
    /// Counts with the label's meter. Only the first time of a label locks others out.
    pub fn count(&self, label: &str, count: impl FnOnce(&T)) {
        if let Some(meter) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(label) {
            return count(meter);
        }
        let mut meters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        count(meters.entry(label.to_owned()).or_default());
    }

    /// All labels seen so far, with their meters.
    pub fn read(&self) -> Vec<(String, Arc<T>)> {
        let meters = self.0.read().unwrap_or_else(PoisonError::into_inner);
        meters.iter().map(|(label, meter)| (label.clone(), Arc::clone(meter))).collect()
    }
}
