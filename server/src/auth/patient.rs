//! Threads for work that keeps a processor busy for long: a few of them, and behind everything else that wants the processor.
//! So a flood of sign-ins gets what charges leave over, and not half of the machine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// The last in line: a seventieth of the share of a thread that wants the same processor (setpriority(2); 0 is usual).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// They start with the first piece of work, and end with this value.
#[derive(Debug)]
pub(super) struct Patient {
    count: usize,
    work: OnceLock<Sender<Work>>,
}

impl Patient {
    pub fn new(count: usize) -> Self {
        Self { count, work: OnceLock::new() }
    }

    /// What `work` returns, when its turn has come; it is not begun for callers that have gone by then. `None`: it panicked,
    /// or there are no threads.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let work = move || {
            if !answer.is_closed() {
                // Nobody may want to know any more.
                drop(answer.send(work()));
            }
        };
        self.work.get_or_init(|| start(self.count)).send(Box::new(work)).ok()?;
        answered.await.ok()
    }
}

fn start(count: usize) -> Sender<Work> {
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let receiver = Arc::clone(&receiver);
        let started = thread::Builder::new().name("passwords".to_owned()).spawn(move || work_off(&receiver));
        if let Err(error) = started {
            tracing::error!(%error, "a thread for passwords could not be started");
        }
    }
    sender
}

fn work_off(waiting: &Mutex<Receiver<Work>>) {
    // Of this thread; on other systems it would be that of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(%error, "passwords are hashed with the priority of everything else");
    }
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // Its caller hears of it; the next one's work is another.
        drop(catch_unwind(AssertUnwindSafe(work)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_after_a_panic_as_before() {
        let threads = Patient::new(1);
        assert_eq!(threads.run(|| 1).await, Some(1));
        assert_eq!(threads.run(|| panic!("a test of panics")).await, None::<()>);
        assert_eq!(threads.run(|| 2).await, Some(2));
        assert_eq!(Patient::new(0).run(|| 3).await, None);
    }

    #[tokio::test]
    async fn nothing_is_begun_for_callers_that_have_gone() {
        let threads = Patient::new(1);
        let (go, wait) = channel::<()>();
        let first = threads.run(move || wait.recv().is_ok());
        let gone = threads.run(|| -> bool { unreachable!("its caller has gone") });
        tokio::pin!(first);
        {
            tokio::pin!(gone);
            assert!(futures::poll!(&mut first).is_pending());
            assert!(futures::poll!(&mut gone).is_pending());
        }
        go.send(()).unwrap();
        assert_eq!(first.await, Some(true));
        assert_eq!(threads.run(|| 1).await, Some(1));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_comes_behind_everything_else() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        assert_eq!(Patient::new(1).run(priority).await, Some(NICENESS));
        assert!(priority() < NICENESS, "of that thread alone");
    }
}
