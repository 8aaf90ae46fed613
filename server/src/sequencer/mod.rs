//! The one writer of the books: takes everything that waits, decides with `ledger`, commits once, then answers all.
//!
//! There is no timer: while one commit is on its way to the disk the next batch gathers, so one client pays one sync
//! and a thousand share one. The queue is bounded; past it callers are told to come back.

mod batch;
mod cache;
mod crowd;
pub mod figures;
mod holds;
pub mod job;
pub mod limits;
mod positions;
mod transaction;
mod values;

use std::sync::Arc;
use std::time::Instant;

use ledger::{AccountId, GrantId, KeyId, Quantity};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use self::cache::Cache;
use self::crowd::{Crowd, Place};
use self::figures::Figures;
use self::job::{
    Busy, Charged, Closing, Corrected, Correction, GrantRefusal, Granted, Held, HoldRequest, NewGrant,
    Quoted, Refusal, Released, Settlement, Submission, Voided,
};
use crate::clock::SharedClock;
use crate::live::{Commit, LiveBus};
use crate::metrics::charges::Charges;
use crate::store::{Payer, Store};

/// Tasks that one commit takes at most, unless a single request brings more.
const BATCH: usize = 1_024;
/// How often a batch begins again because another server came first, before its callers are told to try again.
const RACES: usize = 10;
/// How often it does before it reads everything anew and keeps out whoever changes users, keys or prices.
const PATIENT_RACES: usize = 3;
/// The smallest queue that can take the largest request.
pub const MIN_CAPACITY: usize = 1_000;

/// One thing to decide.
#[derive(Debug)]
enum Task {
    Charge(Box<Submission>),
    Check {
        service_key: KeyId,
        payer: Payer,
        operation: String,
        quantity: Quantity,
    },
    Hold(Box<HoldRequest>),
    Settle(Closing, Settlement),
    Release(Closing),
    Correct(Box<Correction>),
    Issue(AccountId, NewGrant),
    /// Unless the account has been given a grant of this source before.
    IssueOnce(AccountId, NewGrant),
    Void(GrantId, String),
    PostDues(AccountId),
}

/// The outcome of a [`Task`], variant for variant.
#[derive(Debug)]
enum Answer {
    /// Of a settlement as well.
    Charge(Result<Charged, Refusal>),
    Check(Result<Quoted, Refusal>),
    Hold(Result<Held, Refusal>),
    Release(Result<Released, Refusal>),
    Correct(Result<Box<Corrected>, Refusal>),
    Issue(Result<Granted, GrantRefusal>),
    Void(Result<Voided, GrantRefusal>),
    /// `false`: they could not be stored.
    PostDues(bool),
}

struct Job {
    tasks: Vec<Task>,
    reply: oneshot::Sender<Result<Vec<Answer>, Busy>>,
    /// Gives the places in the queue back when the job is answered.
    places: (OwnedSemaphorePermit, Place),
}

enum Message {
    Job(Job),
    Stop,
}

/// The way to the sequencer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sequencer {
    queue: mpsc::UnboundedSender<Message>,
    /// One permit per task that may wait.
    places: Arc<Semaphore>,
    capacity: usize,
    crowd: Arc<Crowd>,
    figures: Arc<Figures>,
    charges: Arc<Charges>,
}

impl Sequencer {
    /// Starts the writer. At most `capacity` tasks (≥ [`MIN_CAPACITY`]) wait at any time. The handle ends after
    /// [`Sequencer::stop`], when all that waited is answered.
    pub fn start(
        store: Arc<Store>,
        live: Arc<LiveBus>,
        clock: SharedClock,
        capacity: usize,
    ) -> (Self, JoinHandle<()>) {
        let (queue, jobs) = mpsc::unbounded_channel();
        let capacity = capacity.max(MIN_CAPACITY);
        let places = Arc::new(Semaphore::new(capacity));
        let figures = if store.is_shared() { Figures::of_shared() } else { Figures::default() };
        let (figures, charges) = (Arc::new(figures), Arc::new(Charges::default()));
        let writes_a_file = !store.is_shared();
        let writer = Writer {
            store,
            live,
            clock,
            cache: Cache::default(),
            figures: Arc::clone(&figures),
            charges: Arc::clone(&charges),
            unpublished: vec![],
        };
        let run = writer.run(jobs);
        let ended = if writes_a_file {
            // A thread of its own, which waits for the disk without keeping anybody from running.
            tokio::task::spawn_blocking(move || Handle::current().block_on(run))
        } else {
            tokio::spawn(run)
        };
        (Self { queue, places, capacity, crowd: Arc::default(), figures, charges }, ended)
    }

    /// What has become of events so far.
    pub fn charges(&self) -> &Charges {
        &self.charges
    }

    /// Tasks that may wait at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Tasks that wait, or that the writer is at work on.
    pub fn waiting(&self) -> usize {
        self.capacity.saturating_sub(self.places.available_permits())
    }

    /// Whether so much waits already that whoever is asked to come back is served better.
    pub fn is_crowded(&self) -> bool {
        self.crowd.is_full()
    }

    /// What accounts have and have used, as of the last commit.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Charges events; the answers stand in the order of the submissions.
    pub async fn charge(&self, submissions: Vec<Submission>) -> Result<Vec<Result<Charged, Refusal>>, Busy> {
        let count = submissions.len();
        let tasks = submissions.into_iter().map(|submission| Task::Charge(Box::new(submission))).collect();
        let answers = self.ask(tasks).await.inspect_err(|_| self.charges.turned_away(count))?;
        let charge = |answer| if let Answer::Charge(result) = answer { Some(result) } else { None };
        Ok(answers.into_iter().filter_map(charge).collect())
    }

    /// Whether an event would be charged now; spends nothing.
    pub async fn check(
        &self,
        service_key: KeyId,
        payer: Payer,
        operation: String,
        quantity: Quantity,
    ) -> Result<Result<Quoted, Refusal>, Busy> {
        match self.ask_one(Task::Check { service_key, payer, operation, quantity }).await? {
            Answer::Check(result) => Ok(result),
            _ => Err(Busy::Unknown),
        }
    }

    /// Reserves credits for work that begins.
    pub async fn hold(&self, request: HoldRequest) -> Result<Result<Held, Refusal>, Busy> {
        match self.ask_one(Task::Hold(Box::new(request))).await? {
            Answer::Hold(result) => Ok(result),
            _ => Err(Busy::Unknown),
        }
    }

    /// Makes an event of a hold.
    pub async fn settle(
        &self,
        closing: Closing,
        settlement: Settlement,
    ) -> Result<Result<Charged, Refusal>, Busy> {
        match self.ask_one(Task::Settle(closing, settlement)).await? {
            Answer::Charge(result) => Ok(result),
            _ => Err(Busy::Unknown),
        }
    }

    /// Gives a hold back.
    pub async fn release(&self, closing: Closing) -> Result<Result<Released, Refusal>, Busy> {
        match self.ask_one(Task::Release(closing)).await? {
            Answer::Release(result) => Ok(result),
            _ => Err(Busy::Unknown),
        }
    }

    /// Gives an event a smaller quantity.
    pub async fn correct(&self, correction: Correction) -> Result<Result<Corrected, Refusal>, Busy> {
        match self.ask_one(Task::Correct(Box::new(correction))).await? {
            Answer::Correct(result) => Ok(result.map(|corrected| *corrected)),
            _ => Err(Busy::Unknown),
        }
    }

    /// Gives an account a lot of credits.
    pub async fn issue(
        &self,
        account: AccountId,
        grant: NewGrant,
    ) -> Result<Result<Granted, GrantRefusal>, Busy> {
        match self.ask_one(Task::Issue(account, grant)).await? {
            Answer::Issue(result) => Ok(result),
            _ => Err(Busy::Unknown),
        }
    }

    /// Gives an account a lot of credits unless it has had one of the same source, however long ago and however often
    /// and at once this is asked: [`GrantRefusal::GivenBefore`].
    pub async fn issue_once(
        &self,
        account: AccountId,
        grant: NewGrant,
    ) -> Result<Result<Granted, GrantRefusal>, Busy> {
        match self.ask_one(Task::IssueOnce(account, grant)).await? {
            Answer::Issue(result) => Ok(result),
            _ => Err(Busy::Unknown),
        }
    }

    /// Takes back what is left of a grant.
    pub async fn void(&self, grant: GrantId, reason: String) -> Result<Result<Voided, GrantRefusal>, Busy> {
        match self.ask_one(Task::Void(grant, reason)).await? {
            Answer::Void(result) => Ok(result),
            _ => Err(Busy::Unknown),
        }
    }

    /// Posts what has fallen due in an account.
    pub async fn post_dues(&self, account: AccountId) -> Result<(), Busy> {
        match self.ask_one(Task::PostDues(account)).await? {
            Answer::PostDues(true) => Ok(()),
            _ => Err(Busy::Unknown),
        }
    }

    /// Takes no more jobs; what waits is still committed and answered.
    pub fn stop(&self) {
        // A sequencer that is gone has stopped.
        let _ = self.queue.send(Message::Stop);
    }

    async fn ask_one(&self, task: Task) -> Result<Answer, Busy> {
        self.ask(vec![task]).await?.pop().ok_or(Busy::Unknown)
    }

    async fn ask(&self, tasks: Vec<Task>) -> Result<Vec<Answer>, Busy> {
        if tasks.is_empty() {
            return Ok(vec![]);
        }
        let count = u32::try_from(tasks.len()).map_err(|_| Busy::Full)?;
        let places = Arc::clone(&self.places).try_acquire_many_owned(count).map_err(|_| Busy::Full)?;
        let places = (places, Crowd::enter(&self.crowd, count));
        let (reply, answer) = oneshot::channel();
        self.queue.send(Message::Job(Job { tasks, reply, places })).map_err(|_| Busy::Stopping)?;
        answer.await.unwrap_or(Err(Busy::Unknown))
    }
}

/// The task that owns the books.
struct Writer {
    store: Arc<Store>,
    live: Arc<LiveBus>,
    clock: SharedClock,
    cache: Cache,
    figures: Arc<Figures>,
    charges: Arc<Charges>,
    /// What listeners are to be told of what is on disk.
    unpublished: Vec<Commit>,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = queue.recv().await {
            let mut jobs = vec![];
            let mut tasks = 0;
            let mut next = Some(message);
            while let Some(message) = next.take() {
                match message {
                    Message::Job(job) => {
                        tasks += job.tasks.len();
                        jobs.push(job);
                    }
                    Message::Stop => queue.close(),
                }
                if tasks < BATCH {
                    next = queue.try_recv().ok();
                }
            }
            self.answer(jobs).await;
        }
    }

    async fn answer(&mut self, jobs: Vec<Job>) {
        let (tasks, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.tasks, (job.reply, job.places))).unzip();
        let lengths: Vec<usize> = tasks.iter().map(Vec::len).collect();
        let tasks: Vec<Task> = tasks.into_iter().flatten().collect();
        let mut answers = self.decide(&tasks).await.into_iter();
        for (length, (reply, places)) in lengths.into_iter().zip(replies) {
            let answer = answers_of_one(&mut answers, length);
            // First: who has an answer may ask again at once.
            drop(places);
            // The caller may have gone; its answer is in the books all the same.
            let _ = reply.send(answer);
        }
        // Thousands may listen; whoever asked does not wait for them.
        self.unpublished.drain(..).for_each(|commit| self.live.publish(commit));
    }

    /// Decides all tasks in order. A statement that fails is looked for by halves, so that only its task fails.
    async fn decide(&mut self, tasks: &[Task]) -> Vec<Result<Answer, Busy>> {
        let mut answers = Vec::with_capacity(tasks.len());
        let mut waiting = vec![tasks];
        let mut races = 0;
        while let Some(part) = waiting.pop() {
            match self.commit(part, races >= PATIENT_RACES).await {
                Ok(decided) => answers.extend(decided.into_iter().map(Ok)),
                Err(transaction::Failure::Race(error)) if races < RACES => {
                    tracing::debug!(%error, tasks = part.len(), "another server came first; the batch begins again");
                    races += 1;
                    if races == PATIENT_RACES {
                        self.cache.forget();
                    }
                    waiting.push(part);
                }
                Err(transaction::Failure::Statement(error)) if part.len() > 1 => {
                    tracing::warn!(%error, tasks = part.len(), "a batch failed and is tried in halves");
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]);
                }
                Err(transaction::Failure::Statement(error)) => {
                    tracing::error!(%error, task = ?part, "a task could not be stored");
                    answers.extend(part.iter().map(|task| Ok(task.failed())));
                }
                Err(transaction::Failure::Store(error) | transaction::Failure::Race(error)) => {
                    tracing::error!(%error, tasks = part.len(), "a batch could not be stored");
                    self.figures.forget();
                    answers.extend(part.iter().map(|_| Err(Busy::Unknown)));
                }
            }
        }
        for answer in &answers {
            if let Ok(Answer::Charge(outcome)) = answer {
                self.charges.decided(outcome);
            }
        }
        answers
    }

    async fn commit(
        &mut self,
        tasks: &[Task],
        keeps_changes_out: bool,
    ) -> Result<Vec<Answer>, transaction::Failure> {
        let began = Instant::now();
        let batch =
            Box::pin(transaction::post(&self.store, &mut self.cache, &*self.clock, tasks, keeps_changes_out));
        let transaction::Decided { answers, changes, remembered } = self.store.posted(batch).await?;
        if !changes.entries.is_empty() {
            self.charges.committed(tasks.len(), began.elapsed());
        }
        self.figures.follow(&changes);
        self.unpublished.extend(transaction::news(&self.live, &changes));
        self.cache.keep(changes.wallets, remembered);
        Ok(answers)
    }
}

/// The answers of the next job. All of them are taken, also where one of them means that the job has none: the rest
/// would else be the next caller's.
fn answers_of_one(
    answers: &mut impl Iterator<Item = Result<Answer, Busy>>,
    length: usize,
) -> Result<Vec<Answer>, Busy> {
    let own: Vec<_> = answers.take(length).collect();
    own.into_iter().collect()
}

impl Task {
    /// What the caller hears when only this task's statement failed.
    fn failed(&self) -> Answer {
        match self {
            Self::Charge(_) | Self::Settle(..) => Answer::Charge(Err(Refusal::Failed)),
            Self::Hold(_) => Answer::Hold(Err(Refusal::Failed)),
            Self::Release(_) => Answer::Release(Err(Refusal::Failed)),
            Self::Correct(_) => Answer::Correct(Err(Refusal::Failed)),
            Self::Check { .. } => Answer::Check(Err(Refusal::Failed)),
            Self::Issue(..) | Self::IssueOnce(..) => Answer::Issue(Err(GrantRefusal::Failed)),
            Self::Void(..) => Answer::Void(Err(GrantRefusal::Failed)),
            Self::PostDues(_) => Answer::PostDues(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_answers_leaves_nothing_to_the_next_caller() {
        let good = || Ok(Answer::PostDues(true));
        let mut answers = vec![good(), Err(Busy::Unknown), good(), Err(Busy::Full), good()].into_iter();
        assert!(matches!(answers_of_one(&mut answers, 3), Err(Busy::Unknown)));
        assert!(matches!(answers_of_one(&mut answers, 1), Err(Busy::Full)));
        assert_eq!(answers_of_one(&mut answers, 1).map(|own| own.len()), Ok(1));
        assert!(answers.next().is_none());
    }
}
