//! The same program on a Postgres: charges against the update without books, lists against its own floor.

use std::sync::Arc;

use crate::books::Books;
use crate::durable::Postgres;
use crate::http::{against_naive, charges};
use crate::lists::Lists;
use crate::naive::Naive;
use crate::program::Program;
use crate::report::{Target, row, table};
use crate::requests::{self, LIST};
use crate::turns::{Side, Turns};
use crate::unnest::Unnest;
use crate::{Extent, Outcome};

const ACCOUNTS: usize = 1_000;

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let postgres = Postgres::named().await?;
        let books = Books::on_postgres(&postgres.database("plexe_bench").await?, ACCOUNTS).await?;
        let bench = Bench {
            console: Program::console(&books)?,
            baseline: Program::baseline()?,
            books: Arc::new(books),
            turns: Turns::new(extent, 0),
        };
        bench.charges(&Naive::new(&postgres, ACCOUNTS).await?).await?;
        let floor_books = Books::on_postgres(&postgres.database("plexe_bench_floor").await?, 1).await?;
        bench.lists(Unnest::open(&floor_books).await?).await
    })
}

struct Bench {
    console: Program,
    baseline: Program,
    books: Arc<Books>,
    turns: Turns,
}

impl Bench {
    async fn charges(&self, naive: &Naive) -> Outcome {
        table("Postgres: charges over HTTP, one event a request", "ours", "beside it");
        for (accounts, connections, times) in [(1, 32, Some(4.0)), (ACCOUNTS, 128, None)] {
            let sides = [
                Side::Program(self.console.addr, requests::charge(&self.books, accounts)),
                Side::Program(self.baseline.addr, requests::no_op()),
                Side::Naive(naive, accounts),
            ];
            let [mut ours, mut nothing, naive] = self.turns.take(connections, sides).await?;
            let what = charges(connections, accounts);
            against_naive(&what, &ours, &naive, times);
            let beside = format!("{}, a POST that does nothing", nothing.load.shown());
            row(&what, ours.load.shown(), beside, ours.ratio_to(&nothing), &Target::None);
        }
        Ok(())
    }

    async fn lists(&self, mut floor: Unnest) -> Outcome {
        table("Postgres: lists of 1 000 charges over HTTP, one hot account", "ours", "beside it");
        let lists = Lists {
            console: &self.console,
            baseline: &self.baseline,
            books: &self.books,
            turns: &self.turns,
            enough: None,
        };
        let commits = self.turns.extent.of(100, 4);
        for connections in [1, 4] {
            lists.compare(connections, async || floor.measure(commits, LIST).await).await?;
        }
        Ok(())
    }
}
