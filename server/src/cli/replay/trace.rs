//! A recorded trace of model calls: CSV with the columns `TIMESTAMP` (UTC), `ContextTokens` and `GeneratedTokens`.

use std::io::Read;
use std::path::{Path, PathBuf};

use ledger::{Quantity, Timestamp};

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub at: Timestamp,
    /// Tokens in and out, in thousands.
    pub quantity: Quantity,
}

/// Why a file is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("cannot read {path}: {cause}", path = .path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{path} has no column {column}; a trace has TIMESTAMP, ContextTokens and GeneratedTokens", path = .path.display())]
    Column { path: PathBuf, column: &'static str },
    #[error("{path} line {line}, {column}: {value:?} must be {right}", path = .path.display())]
    Wrong { path: PathBuf, line: u64, column: &'static str, value: String, right: &'static str },
    #[error("{path} line {line}: {message}", path = .path.display())]
    Csv { path: PathBuf, line: u64, message: String },
    #[error("{path} has no rows", path = .0.display())]
    Empty(PathBuf),
}

const TIME: &str = "TIMESTAMP";
const CONTEXT: &str = "ContextTokens";
const GENERATED: &str = "GeneratedTokens";
const RIGHT_TIME: &str = "a time such as 2023-11-16 18:17:03.9799600";
const RIGHT_TOKENS: &str = "a whole number of tokens, at most 500 000 000 000";
const MOST_TOKENS: u64 = 500_000_000_000;
/// Millionths of a thousand tokens in one token.
const MICROS_PER_TOKEN: i64 = 1_000;

/// Reads all rows in order; row n of the file (the first after the header is 1) is `rows[n - 1]`.
pub fn read(path: &Path) -> Result<Vec<Row>, TraceError> {
    let unreadable = |cause| TraceError::Unreadable { path: path.to_owned(), cause };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    read_from(path, std::io::BufReader::new(file))
}

fn read_from(path: &Path, text: impl Read) -> Result<Vec<Row>, TraceError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let failed = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        TraceError::Csv { path: path.to_owned(), line, message: error.to_string().replace('\n', " ") }
    };
    let header = reader.headers().map_err(|error| failed(&error))?.clone();
    let place = |column: &'static str| {
        // Spreadsheets put a byte order mark before the first name.
        let found = header.iter().position(|name| name.trim_start_matches('\u{feff}') == column);
        found.ok_or_else(|| TraceError::Column { path: path.to_owned(), column })
    };
    let columns = [place(TIME)?, place(CONTEXT)?, place(GENERATED)?];
    let mut rows = vec![];
    for record in reader.records() {
        let record = record.map_err(|error| failed(&error))?;
        rows.push(read_row(&record, columns).map_err(|(column, value, right)| TraceError::Wrong {
            path: path.to_owned(),
            line: record.position().map_or(0, csv::Position::line),
            column,
            value,
            right,
        })?);
    }
    if rows.is_empty() { Err(TraceError::Empty(path.to_owned())) } else { Ok(rows) }
}

/// Errors are the column, its value, and what would be right.
fn read_row(
    record: &csv::StringRecord,
    [time, context, generated]: [usize; 3],
) -> Result<Row, (&'static str, String, &'static str)> {
    let field = |place: usize| record.get(place).unwrap_or_default();
    let tokens = |place: usize, column: &'static str| {
        let count = field(place).parse::<u64>().ok().filter(|count| *count <= MOST_TOKENS);
        count.ok_or_else(|| (column, field(place).to_owned(), RIGHT_TOKENS))
    };
    let at = parse_time(field(time)).ok_or_else(|| (TIME, field(time).to_owned(), RIGHT_TIME))?;
    let sum = tokens(context, CONTEXT)? + tokens(generated, GENERATED)?;
    let micros = i64::try_from(sum).ok().and_then(|sum| sum.checked_mul(MICROS_PER_TOKEN));
    let quantity = micros.and_then(Quantity::from_micros).filter(|quantity| *quantity <= Quantity::MAX);
    let quantity = quantity.ok_or_else(|| (GENERATED, field(generated).to_owned(), RIGHT_TOKENS))?;
    Ok(Row { at, quantity })
}

/// A time without a zone is in UTC; what is below a microsecond is dropped.
fn parse_time(text: &str) -> Option<Timestamp> {
    let zoned: Option<jiff::Timestamp> = text.parse().ok();
    let plain = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let at = zoned.or_else(|| plain().map(|zoned| zoned.timestamp()))?;
    Some(Timestamp::from_micros(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Row>, String> {
        read_from(Path::new("t.csv"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_keep_their_order_and_exact_thousands() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
                    2023-11-16 18:17:03.9799609,4808,10\n\
                    2023-11-16T18:17:04Z,0,1\n";
        let rows = rows(text).unwrap();
        assert_eq!(rows[0].at.micros(), 1_700_158_623_979_960);
        assert_eq!(rows[0].quantity.to_string(), "4.818");
        assert_eq!(rows[1].at.micros(), 1_700_158_624_000_000);
        assert_eq!(rows[1].quantity.to_string(), "0.001");
    }

    #[test]
    fn columns_may_stand_anywhere() {
        let text = "\u{feff}GeneratedTokens,note,TIMESTAMP,ContextTokens\r\n1,x,2023-11-16 18:17:03,999\r\n";
        assert_eq!(rows(text).unwrap()[0].quantity.to_string(), "1");
    }

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        let header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
        for (text, message) in [
            ("TIMESTAMP,ContextTokens\n", "t.csv has no column GeneratedTokens"),
            (header, "t.csv has no rows"),
            ("", "t.csv has no column TIMESTAMP"),
            (&format!("{header}yesterday,1,1\n"), "t.csv line 2, TIMESTAMP: \"yesterday\" must be a time"),
            (
                &format!("{header}2023-11-16 18:17:03,1,1\n2023-11-16 18:17:03,-1,1\n"),
                "t.csv line 3, ContextTokens: \"-1\"",
            ),
            (
                &format!("{header}2023-11-16 18:17:03,1,1.5\n"),
                "t.csv line 2, GeneratedTokens: \"1.5\" must be a whole",
            ),
            (
                &format!("{header}2023-11-16 18:17:03,1,\n"),
                "t.csv line 2, GeneratedTokens: \"\" must be a whole",
            ),
            (&format!("{header}2023-11-16 18:17:03,1\n"), "t.csv line 2: "),
            (&format!("{header}2023-11-16 18:17:03,500000000001,0\n"), "t.csv line 2, ContextTokens"),
        ] {
            let error = rows(text).unwrap_err();
            assert!(error.starts_with(message) && !error.contains('\n'), "{error}\nwanted {message}");
        }
    }
}
