//! The versions of the rate card.

use ledger::Timestamp;
use ledger::rate::{Price, RateCard, RateCards};

use super::posting::{Posting, on};
use super::{Store, StoreError, change, read};

#[derive(sqlx::FromRow)]
struct RateCardRow {
    version: i64,
    effective_from: i64,
    prices: String,
}

const SELECT: &str = "SELECT version, effective_from, prices FROM rate_cards ORDER BY version";

impl Store {
    /// All versions, oldest first.
    pub async fn rate_cards(&self) -> Result<RateCards, StoreError> {
        let rows: Vec<RateCardRow> = read!(self, db => Ok(sqlx::query_as(SELECT).fetch_all(db).await?))?;
        rate_cards(&rows)
    }

    /// Adds the version that [`RateCards::draft`] made. A version that exists is a unique violation.
    pub async fn add_rate_card(&self, card: &RateCard, now: Timestamp) -> Result<(), StoreError> {
        let prices = serde_json::to_string(&card.prices).unwrap_or_default();
        change!(self, db => {
            sqlx::query("INSERT INTO rate_cards (version, effective_from, prices, created_at) VALUES ($1, $2, $3, $4)")
                .bind(i64::from(card.version))
                .bind(card.effective_from.micros())
                .bind(prices)
                .bind(now.micros())
                .execute(db)
                .await?;
            Ok(())
        })
    }

    /// Gives a new installation the example card.
    pub(super) async fn seed_rate_card(&self, now: Timestamp) -> Result<(), StoreError> {
        let (count,): (i64,) =
            read!(self, db => Ok(sqlx::query_as("SELECT count(*) FROM rate_cards").fetch_one(db).await?))?;
        if count > 0 {
            return Ok(());
        }
        let card = RateCard::example();
        let prices = serde_json::to_string(&card.prices).unwrap_or_default();
        // Another server may be as new.
        let seed = "INSERT INTO rate_cards (version, effective_from, prices, created_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT DO NOTHING";
        change!(self, db => {
            let inserted = sqlx::query(seed)
                .bind(i64::from(card.version))
                .bind(card.effective_from.micros())
                .bind(prices)
                .bind(now.micros())
                .execute(db)
                .await?;
            Ok(inserted.rows_affected() > 0)
        }, told_if |is_new| is_new)
        .map(drop)
    }
}

impl Posting<'_> {
    /// All versions, as this transaction sees them.
    pub async fn rate_cards(&mut self) -> Result<RateCards, StoreError> {
        let rows: Vec<RateCardRow> = on!(self, db => sqlx::query_as(SELECT).fetch_all(db).await?);
        rate_cards(&rows)
    }
}

fn rate_cards(rows: &[RateCardRow]) -> Result<RateCards, StoreError> {
    let cards = rows.iter().map(rate_card).collect::<Result<Vec<_>, _>>()?;
    let count = cards.len();
    RateCards::new(cards).ok_or_else(|| StoreError::Corrupt {
        table: "rate_cards",
        column: "version",
        row: "all".to_owned(),
        found: format!("{count} versions out of order"),
    })
}

fn rate_card(row: &RateCardRow) -> Result<RateCard, StoreError> {
    let corrupt = |column, found: String| StoreError::Corrupt {
        table: "rate_cards",
        column,
        row: row.version.to_string(),
        found,
    };
    let prices: Vec<Price> =
        serde_json::from_str(&row.prices).map_err(|error| corrupt("prices", error.to_string()))?;
    let version = u32::try_from(row.version).map_err(|_| corrupt("version", row.version.to_string()))?;
    Ok(RateCard { version, effective_from: Timestamp::from_micros(row.effective_from), prices })
}
