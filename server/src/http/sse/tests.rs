//! The frames of the live stream.

use ledger::Quantity;
use ledger::entry;
use ledger::grant::{DEFAULT_PRIORITY, GrantFacts, GrantKind};
use ledger::wallet::Wallet;

use super::*;
use crate::live::GROUP;

const NOW: Timestamp = Timestamp::from_micros(1_795_348_800_000_000);

fn wallet() -> Wallet {
    let account = "acct_01900000000070008000000000000001".parse().unwrap();
    let mut wallet = Wallet::new(account);
    for kind in [GrantKind::Free, GrantKind::Promo] {
        let facts = GrantFacts {
            kind,
            priority: DEFAULT_PRIORITY,
            effective_at: NOW,
            expires_at: None,
            source: "operator".into(),
            reason: String::new(),
        };
        wallet.issue(NOW, Credits::whole(1), facts).unwrap();
    }
    wallet
}

fn charge(wallet: &mut Wallet, id: &str, credits: &str) -> Vec<Entry> {
    let event = entry::EventFacts {
        source: "s".into(),
        id: id.into(),
        operation: "model.inference".into(),
        quantity: Quantity::parse("2").unwrap(),
        credits: Credits::parse(credits).unwrap(),
        occurred_at: None,
        api_key: None,
        service_key: None,
        price_version: 1,
        dimensions: None,
    };
    wallet.charge(NOW, event, None).unwrap()
}

fn events(frames: &str) -> Vec<(&str, Option<&str>)> {
    let blocks = frames.split_terminator("\n\n");
    blocks
        .map(|block| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            (field("event: ").unwrap(), field("id: "))
        })
        .collect()
}

#[test]
fn a_commit_is_entries_then_usage_then_one_balance_with_the_only_id() {
    let mut wallet = wallet();
    let mut entries = charge(&mut wallet, "1", "0.25");
    entries.extend(charge(&mut wallet, "2", "1.5"));
    let mut frames = Frames::default();
    frames.commit(wallet.account, &entries);
    assert_eq!(
        events(&frames.0),
        [("entry", None), ("entry", None), ("entry", None), ("usage", None), ("balance", Some("5"))]
    );
    assert!(frames.0.ends_with(
        "event: balance\nid: 5\ndata: {\"seq\":5,\"balance\":0.25,\"credits\":0.25,\"available\":0.25,\"held\":0,\
         \"debt\":0,\"recorded_at\":\"2026-11-22T12:00:00Z\"}\n\n"
    ));
    assert!(frames.0.contains("\"credits\":1.75,\"quantity\":4,\"count\":2}"), "{}", frames.0);
    assert!(!frames.0.contains('\r'));
}

#[test]
fn a_replay_is_never_cut_inside_an_event() {
    let mut wallet = wallet();
    let mut entries = vec![];
    for id in 0..GROUP - 1 {
        entries.extend(charge(&mut wallet, &id.to_string(), "0.0001"));
    }
    // Two legs: entries 100 and 101.
    entries.extend(charge(&mut wallet, "both", "1.5"));
    entries.extend(charge(&mut wallet, "last", "0.1"));
    let lengths: Vec<usize> = groups(&entries).map(<[Entry]>::len).collect();
    assert_eq!(lengths, [GROUP + 1, 1]);
    assert_eq!(groups(&[]).count(), 0);
    assert_eq!(groups(&entries[..GROUP]).count(), 1);
}
