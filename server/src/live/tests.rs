//! What the streams of an account hear, whoever wrote it: everything, once, in order.

use ledger::entry::EventFacts as Facts;
use ledger::grant::{DEFAULT_PRIORITY, GrantFacts, GrantKind};
use ledger::wallet::Wallet;
use ledger::{Credits, Quantity, Timestamp};

use super::*;

const NO: i64 = 7;
const NOW: Timestamp = Timestamp::from_micros(1_795_348_800_000_000);

/// An account with a grant, which is entry 1, and `charges` more entries.
fn entries(charges: usize) -> (AccountId, Vec<Entry>) {
    let account = "acct_01900000000070008000000000000001".parse().unwrap();
    let mut wallet = Wallet::new(account);
    let facts = GrantFacts {
        kind: GrantKind::Promo,
        priority: DEFAULT_PRIORITY,
        effective_at: NOW,
        expires_at: None,
        source: "operator".into(),
        reason: String::new(),
    };
    let mut entries = wallet.issue(NOW, Credits::whole(100), facts).unwrap();
    for id in 0..charges {
        let event = Facts {
            source: "s".into(),
            id: id.to_string(),
            operation: "model.inference".into(),
            quantity: Quantity::parse("2").unwrap(),
            credits: Credits::whole(1),
            occurred_at: None,
            api_key: None,
            service_key: None,
            price_version: 1,
            dimensions: None,
        };
        entries.extend(wallet.charge(NOW, event, None).unwrap());
    }
    (account, entries)
}

/// The `seq`s of what has been published so far.
fn heard(news: &mut broadcast::Receiver<News>) -> Vec<u64> {
    let mut heard = vec![];
    while let Ok(news) = news.try_recv() {
        if let News::Commit(commit) = news {
            heard.extend(commit.entries.iter().map(|entry| entry.seq));
        }
    }
    heard
}

#[test]
fn alone_a_bus_publishes_what_is_committed_as_it_is() {
    let (account, entries) = entries(2);
    let bus = LiveBus::default();
    let mut news = bus.subscribe(account);
    bus.publish(Commit::new(account, entries[1..].to_vec()));
    assert_eq!(heard(&mut news), [2, 3]);
    assert!(bus.behind().is_empty() && bus.places().is_empty());
}

#[test]
fn with_others_every_entry_is_published_once_and_in_order() {
    let (account, entries) = entries(9);
    let bus = LiveBus::shared();
    let mut news = bus.subscribe(account);
    let publish = |range: std::ops::Range<usize>| bus.publish(Commit::new(account, entries[range].to_vec()));
    // Committed after the subscription and before the balance was read: nobody knows yet what it follows on.
    publish(1..2);
    assert_eq!(heard(&mut news), [0; 0]);
    bus.begin(account, NO, 1);
    assert_eq!(bus.behind(), [Behind { account, account_no: NO, seq: 1, known: 2 }]);
    publish(1..2);
    assert_eq!(heard(&mut news), [2]);
    assert!(bus.behind().is_empty());
    // Ours follows directly; then another server wrote 4 and 5, and we 6.
    publish(2..3);
    publish(5..6);
    assert_eq!(heard(&mut news), [3]);
    assert_eq!(bus.behind()[0].seq, 3);
    // What is read from the books may overlap with what comes by itself, in either order.
    publish(3..6);
    publish(4..7);
    publish(2..5);
    assert_eq!(heard(&mut news), [4, 5, 6, 7]);
    assert!(bus.behind().is_empty());
    bus.heard_of(&[(NO, 9), (NO + 1, 50)]);
    assert_eq!(bus.behind()[0].seq, 7);
    bus.heard_of(&[(NO, 8)]);
    publish(7..9);
    assert_eq!(heard(&mut news), [8, 9]);
    assert!(bus.behind().is_empty());
}

#[test]
fn what_is_said_and_not_found_is_not_looked_for_for_ever() {
    let (account, entries) = entries(3);
    let bus = LiveBus::shared();
    let mut news = bus.subscribe(account);
    bus.begin(account, NO, 1);
    bus.heard_of(&[(NO, 9_999_999)]);
    let behind = bus.behind()[0];
    bus.publish(Commit::new(account, entries[1..2].to_vec()));
    assert_eq!(bus.behind()[0].seq, 2, "there is said to be more");
    bus.found_nothing(behind);
    assert!(bus.behind().is_empty());
    bus.heard_of(&[(NO, 3)]);
    let behind = bus.behind()[0];
    bus.heard_of(&[(NO, 4)]);
    bus.found_nothing(behind);
    assert_eq!(bus.behind()[0].known, 4, "more was said after we looked");
    bus.publish(Commit::new(account, entries[2..4].to_vec()));
    assert_eq!(heard(&mut news), [2, 3, 4]);
    assert!(bus.behind().is_empty());
}

#[test]
fn streams_that_have_heard_more_than_the_books_hold_end() {
    let (account, entries) = entries(2);
    let bus = LiveBus::shared();
    let mut news = bus.subscribe(account);
    bus.begin(account, NO, 1);
    let asked = bus.places();
    bus.publish(Commit::new(account, entries[1..].to_vec()));
    bus.found(&asked, &HashMap::from([(NO, 1)]));
    assert_eq!(heard(&mut news), [2, 3], "what was committed after the question is no contradiction");
    assert_eq!(news.try_recv().unwrap_err(), broadcast::error::TryRecvError::Empty);
    bus.found(&bus.places(), &HashMap::from([(NO, 2)]));
    assert_eq!(news.try_recv().unwrap_err(), broadcast::error::TryRecvError::Closed);
    let mut again = bus.subscribe(account);
    bus.begin(account, NO, 2);
    bus.found(&bus.places(), &HashMap::from([(NO, 2)]));
    assert_eq!(again.try_recv().unwrap_err(), broadcast::error::TryRecvError::Empty);
}

#[test]
fn an_account_that_nobody_listens_to_is_forgotten() {
    let (account, _) = entries(0);
    let bus = LiveBus::shared();
    let news = bus.subscribe(account);
    bus.begin(account, NO, 1);
    assert_eq!(bus.places(), [(NO, 1)]);
    drop(news);
    assert!(bus.places().is_empty());
    bus.heard_of(&[(NO, 9)]);
    assert!(bus.behind().is_empty());
}

#[tokio::test]
async fn what_others_are_to_be_told_gathers() {
    let bus = LiveBus::shared();
    let sharing = bus.sharing().unwrap();
    sharing.moved([(1, 4), (2, 9)]);
    sharing.moved([(1, 5)]);
    assert_eq!(sharing.to_tell().await, HashMap::from([(1, 5), (2, 9)]));
}
