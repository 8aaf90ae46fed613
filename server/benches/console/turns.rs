//! What is compared takes turns, round by round, so that a disturbance meets all of it.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crate::client::{Load, load};
use crate::naive::Naive;
use crate::report::median;
use crate::requests::Request;
use crate::{Extent, Outcome};

/// One of those that take turns.
pub enum Side<'a> {
    Program(SocketAddr, Request),
    /// The update without books, over so many rows.
    Naive(&'a Naive, usize),
}

/// All rounds of one side.
#[derive(Default)]
pub struct Rounds {
    pub load: Load,
    rates: Vec<f64>,
}

impl Rounds {
    /// Per second, in the median round.
    pub fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    /// The median of the rounds' ratios of things done per second.
    pub fn ratio_to(&self, other: &Self) -> f64 {
        median(self.rates.iter().zip(&other.rates).map(|(ours, theirs)| ours / theirs).collect())
    }
}

/// Rounds under load.
pub struct Turns {
    pub extent: Extent,
    /// Numbers of events, each used once.
    pub numbers: AtomicUsize,
}

impl Turns {
    /// Event numbers from `first` on.
    pub fn new(extent: Extent, first: usize) -> Self {
        Self { extent, numbers: AtomicUsize::new(first) }
    }

    pub fn rounds(&self) -> usize {
        self.extent.of(5, 1)
    }

    /// How long a turn is.
    pub fn time(&self) -> Duration {
        self.extent.of(Duration::from_secs(3), Duration::from_millis(200))
    }

    /// Loads all sides by as many connections, one after the other, again and again; after a short turn that only warms.
    pub async fn take<const N: usize>(
        &self,
        connections: usize,
        sides: [Side<'_>; N],
    ) -> Outcome<[Rounds; N]> {
        let warm = self.extent.of(Duration::from_millis(500), Duration::from_millis(50));
        for side in &sides {
            self.turn(connections, side, warm).await?;
        }
        let mut all = [(); N].map(|()| Rounds::default());
        for _ in 0..self.rounds() {
            for (side, rounds) in sides.iter().zip(&mut all) {
                let load = self.turn(connections, side, self.time()).await?;
                rounds.rates.push(load.rate());
                rounds.load.add(load);
            }
        }
        Ok(all)
    }

    async fn turn(&self, connections: usize, side: &Side<'_>, time: Duration) -> Outcome<Load> {
        match side {
            Side::Program(addr, request) => load(*addr, connections, time, &self.numbers, request).await,
            Side::Naive(naive, rows) => naive.load(connections, *rows, time).await,
        }
    }
}
