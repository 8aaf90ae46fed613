//! Ways to falsify books, and where each of them must be found.

use super::database::Database;
use super::dice::Dice;
use crate::harness::raw::Column;

/// What was done to the database, and the places that may be named for it: account number and `seq`.
#[derive(Debug)]
pub struct Case {
    pub sql: Vec<String>,
    pub places: Vec<(i64, i64)>,
}

/// An account's number and its last entry.
pub type Account = (i64, i64);

/// Falsifies the books in a way that the dice decide, and says how.
pub async fn falsify(database: &mut Database, accounts: &[Account], dice: &mut Dice) -> Case {
    loop {
        let account = *dice.pick(accounts);
        let other =
            accounts[(position(accounts, account) + 1 + dice.below(accounts.len() - 1)) % accounts.len()];
        let case = match dice.below(20) {
            0..10 => Some(entry_column(database, account, other, dice)),
            10 => Some(delete_entry(account, dice)),
            11 => Some(swap(database, account, dice)),
            12 => Some(exchange_seqs(account, dice)),
            13 => Some(copy_elsewhere(database, account, other, dice)),
            14 => Some(cut_tail(account, dice)),
            15 => beside(database, "wallets", account, other, dice).await,
            16 => beside(database, "grants", account, other, dice).await,
            17 => beside(database, "open_holds", account, other, dice).await,
            18 => beside(database, "rollups", account, other, dice).await,
            _ => beside(database, "event_dimensions", account, other, dice).await,
        };
        let Some(case) = case else { continue };
        let mut touched = 0;
        for sql in &case.sql {
            match database.raw.try_run(sql).await {
                Ok(rows) => touched += rows,
                // NOT NULL, STRICT and primary keys can't be switched off.
                Err(refusal) => assert!(
                    ["constraint", "cannot store", "out of range"]
                        .iter()
                        .any(|words| refusal.contains(words)),
                    "{sql}: {refusal}"
                ),
            }
        }
        if touched > 0 {
            return case;
        }
    }
}

fn position(accounts: &[Account], account: Account) -> usize {
    accounts.iter().position(|one| *one == account).expect("one of them")
}

/// A value of one column is another: the entry itself is wrong, or missing where it was.
fn entry_column(database: &Database, (account, last): Account, other: Account, dice: &mut Dice) -> Case {
    let columns: Vec<&Column> =
        database.columns("entries").iter().filter(|column| column.name != "no").collect();
    let column = *dice.pick(&columns);
    let seq = dice.between(1, last);
    let row = format!("account = {account} AND seq = {seq}");
    let (value, places) = match column.name.as_str() {
        // What has moved to another account leaves a gap, and is one too many there.
        "account" => {
            let there = if seq > other.1 { other.1 + 1 } else { seq };
            (other.0.to_string(), vec![(account, seq), (other.0, there), (other.0, there + 1)])
        }
        // Two entries with one number: the second is wrong, in the place of the next.
        "seq" => {
            let to = *dice.pick(&[seq - 1, seq + 1, dice_number(seq, last), 0, -seq, last + 1, i64::MAX]);
            let doubled = if to < 1 { 1 } else { to.saturating_add(1) };
            (to.to_string(), vec![(account, seq.min(doubled))])
        }
        _ => (other_value("entries", column, dice), vec![(account, seq)]),
    };
    change(database, "entries", &column.name, &value, &row, places)
}

fn dice_number(seq: i64, last: i64) -> i64 {
    (seq * 7 + 3) % last + 1
}

/// `UPDATE` of a column to what it isn't yet.
fn change(
    database: &Database,
    table: &str,
    column: &str,
    value: &str,
    row: &str,
    places: Vec<(i64, i64)>,
) -> Case {
    // A number that is taken goes to the one who takes it.
    let way = if matches!(column, "account" | "seq") { database.raw.update_or_replace() } else { "UPDATE" };
    let sql =
        format!("{way} {table} SET {column} = {value} WHERE {row} AND {column} IS DISTINCT FROM {value}");
    Case { sql: vec![sql], places }
}

/// SQL of a value of the column's type, or of nothing.
fn other_value(table: &str, Column { name, kind }: &Column, dice: &mut Dice) -> String {
    let somewhere = format!("(SELECT {name} FROM kept_{table} LIMIT 1 OFFSET {})", dice.below(40));
    let values: Vec<String> = match kind.as_str() {
        "INTEGER" => ["NULL", "0", "1", "-1", "9223372036854775807"]
            .map(str::to_owned)
            .into_iter()
            .chain([
                format!("coalesce({name}, 0) + 1"),
                format!("coalesce({name}, 0) - 1"),
                format!("-{name}"),
                somewhere,
            ])
            .collect(),
        "BLOB" => {
            vec!["NULL".into(), format!("unhex('{}')", "00".repeat(32)), "unhex('00')".into(), somewhere]
        }
        _ => vec![
            "NULL".into(),
            "''".into(),
            format!("coalesce({name}, '') || 'x'"),
            format!("upper({name})"),
            format!("substr({name}, 2)"),
            "'key_000000000000'".into(),
            somewhere,
        ],
    };
    dice.pick(&values).clone()
}

fn delete_entry((account, last): Account, dice: &mut Dice) -> Case {
    let seq = dice.between(1, last);
    let sql = format!("DELETE FROM entries WHERE account = {account} AND seq = {seq}");
    Case { sql: vec![sql], places: vec![(account, seq)] }
}

/// Two entries change places, each with the other's number: the first of the two places is wrong.
fn swap(database: &Database, (account, last): Account, dice: &mut Dice) -> Case {
    let (one, two) = two_of(last, dice);
    let content = database.columns_but("entries", &["no", "account", "seq"]);
    let take = |to: i64, from: i64| {
        format!(
            "UPDATE entries SET ({content}) = (SELECT {content} FROM kept_entries k WHERE k.account = {account} \
             AND k.seq = {from}) WHERE account = {account} AND seq = {to}"
        )
    };
    Case { sql: vec![take(one, two), take(two, one)], places: vec![(account, one.min(two))] }
}

fn exchange_seqs((account, last): Account, dice: &mut Dice) -> Case {
    let (one, two) = two_of(last, dice);
    let sql = format!(
        "UPDATE entries SET seq = {one} + {two} - seq WHERE account = {account} AND seq IN ({one}, {two})"
    );
    Case { sql: vec![sql], places: vec![(account, one.min(two))] }
}

fn two_of(last: i64, dice: &mut Dice) -> (i64, i64) {
    let one = dice.between(1, last);
    let two = (one + dice.between(0, last - 2)) % last + 1;
    (one, two)
}

/// An entry stands in the books of somebody else as well: behind the last, or beside the one that has its number.
fn copy_elsewhere(database: &Database, (account, last): Account, other: Account, dice: &mut Dice) -> Case {
    let seq = dice.between(1, last);
    let content = database.columns_but("entries", &["no", "account", "seq"]);
    let there = if dice.once_in(2) { seq } else { other.1 + 1 };
    let sql = format!(
        "INSERT INTO entries (account, seq, {content}) SELECT {}, {there}, {content} FROM kept_entries \
         WHERE account = {account} AND seq = {seq}",
        other.0
    );
    let place = if there <= other.1 { there + 1 } else { other.1 + 1 };
    Case { sql: vec![sql], places: vec![(other.0, place)] }
}

/// The wallet still knows that there were more: the first of them is missing.
fn cut_tail((account, last): Account, dice: &mut Dice) -> Case {
    let seq = dice.between(1, last);
    let sql = format!("DELETE FROM entries WHERE account = {account} AND seq >= {seq}");
    Case { sql: vec![sql], places: vec![(account, seq)] }
}

/// What is stored beside the entries is changed, deleted, or stands twice. A row of the books is found where it stands, or
/// where it stood; a wallet and what was consumed at the last entry, or where entries seem to be missing.
async fn beside(
    database: &mut Database,
    table: &'static str,
    (account, last): Account,
    other: Account,
    dice: &mut Dice,
) -> Option<Case> {
    let has_seq = matches!(table, "grants" | "open_holds" | "event_dimensions");
    let key = if has_seq { "seq" } else { "account" };
    let rows = database
        .raw
        .texts(&format!(
            "SELECT CAST({key} AS TEXT) || ' ' || row_number() OVER () FROM {table} WHERE account = {account}"
        ))
        .await;
    if rows.is_empty() {
        return None;
    }
    let (seq, _) = dice.pick(&rows).split_once(' ')?;
    let seq: i64 = seq.parse().ok()?;
    let columns = database.columns(table).to_vec();
    let row = match table {
        "wallets" => format!("account = {account}"),
        "rollups" => rollup(database, account, dice).await,
        _ => format!("account = {account} AND seq = {seq}"),
    };
    let places = |account: i64, last: i64| match (table, has_seq) {
        (_, true) => vec![(account, seq)],
        ("wallets", _) => vec![(account, last), (account, last + 1)],
        _ => vec![(account, last)],
    };
    // Erasing dimensions is allowed.
    if dice.once_in(5) && table != "event_dimensions" {
        let sql = format!("DELETE FROM {table} WHERE {row}");
        return Some(Case { sql: vec![sql], places: places(account, last) });
    }
    let column = dice.pick(&columns).clone();
    match column.name.as_str() {
        "account" => {
            let mut all = places(account, last);
            all.extend(places(other.0, other.1));
            Some(change(database, table, "account", &other.0.to_string(), &row, all))
        }
        "seq" if has_seq => {
            let to = *dice.pick(&[seq + 1, last + 1, last + 5_000]);
            let all = vec![(account, seq), (account, to)];
            Some(change(database, table, "seq", &to.to_string(), &row, all))
        }
        "dimensions" => {
            let value = *dice.pick(&["'{\"job\":\"other\"}'", "'not JSON'", "'{}'", "'{\"job\":1}'"]);
            Some(change(database, table, "dimensions", value, &row, places(account, last)))
        }
        _ => {
            let value = other_value(table, &column, dice);
            Some(change(database, table, &column.name, &value, &row, places(account, last)))
        }
    }
}

/// Names one row of the rollups.
async fn rollup(database: &mut Database, account: i64, dice: &mut Dice) -> String {
    let all = database
        .raw
        .texts(&format!(
            "SELECT 'bucket = ' || bucket || ' AND operation = ' || quote(operation) || ' AND api_key = ' || quote(api_key) \
             FROM rollups WHERE account = {account}"
        ))
        .await;
    format!("account = {account} AND {}", dice.pick(&all))
}
