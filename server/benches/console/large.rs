//! Large books: what must not grow with the number of events. The largest are made once for all that is measured on them.

use std::sync::Arc;

use crate::books::Books;
use crate::{Extent, Outcome, charts, growth, history, process, verify};

/// Of the largest books.
pub const EVENTS: usize = 10_000_000;
/// Who they are shared out to.
const ACCOUNTS: usize = 10;
/// Other numbers of accounts that a tenth of the events are shared out to, to be verified.
const OTHERS: [usize; 2] = [1, 1_000];

/// Books of the same accounts with more and more events.
pub struct Sizes {
    pub extent: Extent,
    /// With the number of events in each; the first has none.
    pub books: [(usize, Arc<Books>); 3],
}

impl Sizes {
    fn make(extent: Extent) -> Outcome<Self> {
        let events = extent.of(EVENTS, 20_000);
        let some = [0, events / 10, events];
        let make = |events| Outcome::Ok((events, Arc::new(make(ACCOUNTS, events)?)));
        let [empty, middle, large] = some.map(make);
        Ok(Self { extent, books: [empty?, middle?, large?] })
    }

    /// The number of events in the largest, and the books.
    pub fn largest(&self) -> (usize, &Arc<Books>) {
        let [.., (events, books)] = &self.books;
        (*events, books)
    }
}

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sizes = Sizes::make(extent)?;
    let (events, _) = sizes.largest();
    runtime.block_on(process::grown(&sizes))?;
    runtime.block_on(charts::measure(&sizes))?;
    runtime.block_on(growth::measure(&sizes))?;
    verify::heading();
    verify::measure(sizes.largest().1)?;
    drop(sizes);
    for accounts in OTHERS {
        verify::measure(&make(accounts, events / 10)?)?;
    }
    Ok(())
}

fn make(accounts: usize, events: usize) -> Outcome<Books> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(history::books(accounts, events))
}
