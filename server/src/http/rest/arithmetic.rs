//! How a charge was worked out, as receipts and estimates show it: every line can be computed again.

use std::borrow::Cow;

use ledger::rate::{MonthPart, Part, Quote, Rounding, Slice};
use ledger::{Credits, Month, Quantity};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::console::receipt::exact_text;

/// One part of the price.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum SliceView {
    /// `quantity × credits_per_unit = exact`
    Units {
        quantity: Quantity,
        credits_per_unit: Credits,
        exact: Exact,
        /// Of prices with tiers: what lies above `above`, up to `up_to`.
        #[serde(skip_serializing_if = "Option::is_none")]
        tier: Option<TierView>,
    },
    /// `packages × credits_per_package = exact`
    Packages {
        /// Begun by this event.
        packages: Quantity,
        units_per_package: Quantity,
        credits_per_package: Credits,
        exact: Exact,
    },
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SliceTier")]
pub(super) struct TierView {
    above: Quantity,
    /// `null` for the last tier.
    up_to: Option<Quantity>,
}

/// `exact` (up to 12 decimals) became `credits` (up to 6) by `rule`, once for the event. With a `month` it is the month's
/// rounded cost after the event less that before it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoundingOfCharge")]
pub(super) struct RoundingView {
    rule: Rounding,
    exact: Exact,
    credits: Credits,
}

/// Where a graduated price went on from in the event's month.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MonthView {
    /// UTC, `2026-11`.
    month: String,
    before: StandingView,
    after: StandingView,
}

/// What a month's quantity costs, before and after rounding.
#[derive(Debug, Serialize, JsonSchema)]
struct StandingView {
    quantity: Quantity,
    exact: Exact,
    credits: Exact,
}

impl SliceView {
    pub fn new(slice: &Slice) -> Self {
        let Slice { quantity, credits_per_unit, exact_picos, part } = *slice;
        let exact = Exact(exact_picos);
        let units = |tier| Self::Units { quantity, credits_per_unit, exact, tier };
        match part {
            Part::Flat => units(None),
            Part::Tier { above, up_to } => units(Some(TierView { above, up_to })),
            Part::Packages { size } => Self::Packages {
                packages: quantity,
                units_per_package: size,
                credits_per_package: credits_per_unit,
                exact,
            },
        }
    }
}

impl RoundingView {
    pub fn new(quote: &Quote) -> Self {
        Self { rule: quote.rounding, exact: Exact(quote.exact_picos()), credits: quote.rounded }
    }
}

impl MonthView {
    /// `None` unless the price is graduated.
    pub fn new(month: Month, quote: &Quote) -> Option<Self> {
        let MonthPart { before, after, before_picos, after_picos } = quote.month?;
        let standing = |quantity, picos| StandingView {
            quantity,
            exact: Exact(picos),
            credits: Exact(quote.rounding.round(picos).saturating_mul(1_000_000)),
        };
        Some(Self {
            month: month.to_string(),
            before: standing(before, before_picos),
            after: standing(after, after_picos),
        })
    }
}

/// Credits in millionths of a micro-credit (10^-12); a JSON number with up to 12 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exact(i128);

impl JsonSchema for Exact {
    fn schema_name() -> Cow<'static, str> {
        "Exact".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "number",
            "description": "Credits before they are rounded: a JSON number with up to 12 decimals.",
        })
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(exact_text(self.0)).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}
