//! What the usual runs come across, without a console: a question that is never asked finds nothing.

use std::collections::BTreeMap;

use super::books::{Books, Entry};
use super::generator::Generator;
use super::reference::Model;
use super::replies::Fact;
use super::{USUAL, operations_of, seeds_for};
use crate::harness::START;

/// Answers, as the operation's name, status and code.
const ANSWERS: [&str; 47] = [
    "Check 200",
    "Check 403 account_suspended",
    "Check 403 insufficient_permissions",
    "Check 404 not_found",
    "Check 422 validation_failed",
    "Correct 200",
    "Correct 200 again",
    "Correct 404 not_found",
    "Correct 409 conflict",
    "Correct 422 validation_failed",
    "Grant 200",
    "Grant 422 validation_failed",
    "Hold 200",
    "Hold 200 again",
    "Hold 402 insufficient_credits",
    "Hold 403 account_suspended",
    "Hold 403 insufficient_permissions",
    "Hold 404 not_found",
    "Hold 409 conflict",
    "Hold 422 validation_failed",
    "Import 200",
    "Import 422 validation_failed",
    "Release 200",
    "Release 200 again",
    "Release 404 not_found",
    "Release 409 conflict",
    "Report 200",
    "Report 200 again",
    "Report 402 insufficient_credits",
    "Report 403 account_suspended",
    "Report 403 insufficient_permissions",
    "Report 404 not_found",
    "Report 409 conflict",
    "Report 422 validation_failed",
    "Reports 200",
    "Reports 200 again",
    "Reports 402 insufficient_credits",
    "Reports 409 conflict",
    "Settle 200",
    "Settle 200 again",
    "Settle 402 insufficient_credits",
    "Settle 404 not_found",
    "Settle 409 conflict",
    "Settle 422 validation_failed",
    "Void 200",
    "Void 404 not_found",
    "Suspend 200",
];

/// How acts begin, as the movements of their legs; more legs of the same movement count once.
const ACTS: [&str; 25] = [
    "charge",
    "charge owe",
    "correct",
    "correct expire",
    "correct repay",
    "correct void",
    "expire",
    "forgive",
    "forgive correct",
    "hold",
    "issue",
    "issue repay",
    "owe",
    "release",
    "release expire",
    "release repay",
    "release void",
    "repay",
    "settle",
    "settle charge",
    "settle release",
    "settle release expire",
    "settle release repay",
    "settle release void",
    "void",
];

type Seen = BTreeMap<String, usize>;

fn note(seen: &mut Seen, what: String) {
    *seen.entry(what).or_default() += 1;
}

/// One run of the model alone.
fn run(seed: u64, tally: &mut Seen) -> Model {
    let mut model = Model::new(START.micros());
    let mut generator = Generator::new(seed);
    for _ in 0..operations_of(seed) {
        let operation = generator.next(&model);
        let name = format!("{operation:?}");
        let name = name.split(' ').next().unwrap_or_default();
        for reply in model.apply(&operation) {
            let again = reply.fields.contains(&("replayed", Fact::Flag(true)));
            let code = if again { "again" } else { reply.code };
            note(tally, format!("{name} {} {code}", reply.status).trim_end().to_owned());
        }
    }
    for act in model.accounts.iter().flat_map(|books| acts(&books.entries)) {
        let mut movements: Vec<&str> = act.iter().map(|entry| entry.movement).collect();
        movements.dedup();
        note(tally, movements.join(" "));
    }
    model
}

/// Entries by the act they are of.
fn acts(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    entries.chunk_by(|_, next| next.leg > 0)
}

/// issued + debt = remaining + held + spent + expired + voided
fn balance(books: &Books) -> (i64, i64) {
    let of = |movement: &str| -> i64 {
        books.entries.iter().filter(|entry| entry.movement == movement).map(|entry| entry.amount).sum()
    };
    let remaining: i64 = books.grants.iter().map(|grant| grant.rest).sum();
    assert_eq!(books.spent(), of("charge") + of("settle") + of("owe") - of("correct") - of("forgive"));
    assert_eq!(books.debt, of("owe") - of("repay") - of("forgive"));
    (of("issue") + books.debt, remaining + books.held + books.spent() + of("expire") + of("void"))
}

#[test]
fn the_usual_runs_meet_every_answer_and_every_kind_of_act() {
    let mut seen = Seen::new();
    for seed in seeds_for(USUAL) {
        for books in &run(seed, &mut seen).accounts {
            let (from, to) = balance(books);
            assert_eq!(from, to, "seed {seed}");
        }
    }
    let count = |what: &str| -> usize {
        let begins =
            |name: &str| name == what || name.strip_prefix(what).is_some_and(|rest| rest.starts_with(' '));
        seen.iter().filter(|(name, _)| begins(name)).map(|(_, count)| count).sum()
    };
    let rare: Vec<_> = ANSWERS.iter().chain(&ACTS).filter(|what| count(what) < 3).collect();
    assert!(rare.is_empty(), "too rare: {rare:?} in {seen:#?}");
}
