//! Signing in: bound by the hash that a password must cost, and harmless for those who charge meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use server::console::users::UserForm;

use crate::books::Books;
use crate::client::{Load, load};
use crate::program::Program;
use crate::report::{Target, median, millis, per_second, rate, row, table};
use crate::requests::{self, Request, submit};
use crate::turns::Turns;
use crate::{Extent, Outcome};

/// How many sign in at once, each with an e-mail of their own.
const CLIENTS: usize = 64;
const PASSWORD: &str = "correct horse battery";
/// Of what hashing alone could do.
const BOUND: f64 = 0.8;
/// Connections that charge.
const CHARGING: usize = 32;
/// How much slower the slowest hundredth of charges may be during the flood.
const MOST: f64 = 2.0;

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let books = Arc::new(Books::new(1).await?);
        people(&books).await?;
        let bench = Bench {
            program: Program::console(&books)?,
            turns: Turns::new(extent, 0),
            visits: AtomicUsize::new(0),
            books,
        };
        bench.rate().await?;
        bench.flood().await
    })
}

struct Bench {
    program: Program,
    books: Arc<Books>,
    turns: Turns,
    /// Sign-ins so far.
    visits: AtomicUsize,
}

impl Bench {
    /// Sign-ins against as many bare hashes on as many processors as the server gives to them.
    async fn rate(&self) -> Outcome {
        let threads = available_parallelism()?.get().div_ceil(2);
        let (mut ours, mut bare, mut ratios) = (vec![], vec![], vec![]);
        for _ in 0..self.turns.rounds() {
            let sign_ins = self.sign_ins().await?.rate();
            let hashes = hashes(threads, self.turns.time())?;
            ours.push(sign_ins);
            bare.push(hashes);
            ratios.push(sign_ins / hashes);
        }
        table("signing in", "ours", "beside it");
        let what = format!("{CLIENTS} clients at once");
        let beside =
            format!("{}, bare Argon2id (19 MiB, t = 2, p = 1), threads: {threads}", per_second(median(bare)));
        row(&what, per_second(median(ours)), beside, median(ratios), &Target::AtLeast(BOUND));
        Ok(())
    }

    /// Charges while nobody signs in, and while everybody does.
    async fn flood(&self) -> Outcome {
        let (mut quiet, mut flooded) = (Load::default(), Load::default());
        for _ in 0..self.turns.rounds() {
            quiet.add(self.charges().await?);
            let (charges, sign_ins) = tokio::join!(self.charges(), self.sign_ins());
            sign_ins?;
            flooded.add(charges?);
        }
        let what = format!("charges by {CHARGING} connections while {CLIENTS} clients sign in");
        let (before, during) = (quiet.percentile(0.99), flooded.percentile(0.99));
        let ratio = during.as_secs_f64() / before.as_secs_f64();
        let beside = format!("{}, while nobody does", millis(before));
        row(&format!("{what}: p99"), millis(during), beside, ratio, &Target::AtMost(MOST));
        let beside = format!("{}, while nobody does", per_second(quiet.rate()));
        let ratio = flooded.rate() / quiet.rate();
        row(&what, per_second(flooded.rate()), beside, ratio, &Target::None);
        Ok(())
    }

    async fn charges(&self) -> Outcome<Load> {
        let Turns { numbers, .. } = &self.turns;
        let charge = requests::charge(&self.books, 1);
        load(self.program.addr, CHARGING, self.turns.time(), numbers, &charge).await
    }

    async fn sign_ins(&self) -> Outcome<Load> {
        let request: Request = Arc::new(|number| {
            let email = email(number % CLIENTS).replace('@', "%40");
            let password = PASSWORD.replace(' ', "+");
            submit("/sign-in", &format!("email={email}&password={password}"))
        });
        load(self.program.addr, CLIENTS, self.turns.time(), &self.visits, &request).await
    }
}

/// Bare hashes per second by so many threads.
fn hashes(threads: usize, time: Duration) -> Outcome<f64> {
    let params = Params::new(19 * 1_024, 2, 1, None).map_err(|error| error.to_string())?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut out = [0; 32];
                while start.elapsed() < time
                    && argon.hash_password_into(PASSWORD.as_bytes(), &[0x5a; 16], &mut out).is_ok()
                {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    Ok(rate(done.into_inner(), start.elapsed()))
}

/// Users with a password, whose e-mails are theirs.
async fn people(books: &Books) -> Outcome {
    let open = books.open().await?;
    let console = open.console();
    for number in 0..CLIENTS {
        let form = UserForm {
            email: email(number),
            name: format!("Visitor {number}"),
            user_name: format!("visitor{number}"),
            password: PASSWORD.to_owned(),
            is_verified: true,
            is_operator: false,
        };
        console.create_user(form).await.map_err(|error| error.to_string())?;
    }
    drop(console);
    open.close().await
}

fn email(number: usize) -> String {
    format!("visitor{number}@example.org")
}
