//! Invoices: who owes whom how much for what, and under which number.
//!
//! A [`Draft`] is reckoned once and has no number. [`Draft::issue`] gives it one, taken from a [`Series`] in the transaction that
//! stores it, so that numbers have no gaps; from then on only its [`Status`] changes, and what was wrong is put right by a
//! [`CreditNote`]. The JSON of an [`Invoice`] is what it is: fields in the order below, amounts as decimal text in the
//! invoice's currency, days as `2026-11-22`. A PDF says the same.
//!
//! ```
//! use ledger::invoice::{Act, Draft, Numbering, Party};
//! use ledger::plan::Plans;
//!
//! let party = |name: &str| Party { name: name.into(), address: vec![], country: None, email: None, tax_id: None };
//! let plans = Plans::example();
//! let lines = vec![ledger::invoice::Line::of_plan(&plans.all()[1])];
//! let draft = Draft::new(party("Seller"), party("Customer"), lines, None)?;
//! assert_eq!(draft.totals().gross.to_string(), "49.00 EUR"); // the preview
//!
//! // In one transaction: raise the series' last number, store the invoice.
//! let (today, last) = ("2026-12-01".parse()?, 41);
//! let series = Numbering::new("INV-")?.series(today);
//! let invoice = draft.issue(series.number(last + 1), today, today);
//! assert_eq!(invoice.number, "INV-2026-000042");
//! let paid = invoice.after(Act::Pay)?;
//! assert!(serde_json::to_string(&paid)?.contains(r#""status":"paid""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod credit_note;
mod line;
mod number;
mod status;

use serde::{Deserialize, Serialize};

pub use self::credit_note::{CreditError, CreditNote};
pub use self::line::{Days, Line, LineKind};
pub use self::number::{Numbering, NumberingError, Series};
pub use self::status::{Act, Status, StatusError};
use crate::day::Day;
use crate::money::{Currency, Money, MoneyError};
use crate::tax::{AppliedTax, TaxRules, Taxed};

/// The most lines that an invoice may have.
pub const MAX_LINES: usize = 100;

/// Who sells or buys, as it stands on the invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    pub name: String,
    /// Lines without the country, as a letter would have them; may be empty.
    pub address: Vec<String>,
    /// Two capital letters (ISO 3166-1).
    pub country: Option<String>,
    pub email: Option<String>,
    /// A VAT number, for example.
    pub tax_id: Option<String>,
}

/// An invoice that has been reckoned and not been issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    seller: Party,
    customer: Party,
    lines: Vec<Line>,
    tax: Option<AppliedTax>,
    taxed: Taxed,
}

/// Why lines make no invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceError {
    #[error("an invoice has 1 to {MAX_LINES} lines")]
    Lines,
    #[error("the lines add up to less than nothing: {0}")]
    Negative(Money),
    #[error("a line {0}")]
    Money(#[from] MoneyError),
}

impl Draft {
    /// Reckons an invoice. Without tax rules nothing is said of tax on it.
    pub fn new(
        seller: Party,
        customer: Party,
        lines: Vec<Line>,
        tax: Option<&TaxRules>,
    ) -> Result<Self, InvoiceError> {
        let currency = match lines.first() {
            Some(first) if lines.len() <= MAX_LINES => first.amount.currency(),
            _ => return Err(InvoiceError::Lines),
        };
        let sum = Money::sum(currency, lines.iter().map(|line| line.amount))?;
        if sum.is_negative() {
            return Err(InvoiceError::Negative(sum));
        }
        let tax = tax.map(|rules| rules.apply(customer.country.as_deref(), customer.tax_id.is_some()));
        let taxed = match &tax {
            Some(tax) => tax.on(sum).ok_or(MoneyError::TooLarge)?,
            None => Taxed { net: sum, tax: Money::zero(currency), gross: sum },
        };
        Ok(Self { seller, customer, lines, tax, taxed })
    }

    /// What it comes to; equal to what the issued invoice will say.
    pub const fn totals(&self) -> Taxed {
        self.taxed
    }

    /// Gives it its number and day. What comes to nothing is paid by that.
    pub fn issue(self, number: String, issued_on: Day, due_on: Day) -> Invoice {
        let status = if self.taxed.gross.is_zero() { Status::Paid } else { Status::Open };
        Invoice {
            number,
            issued_on,
            due_on,
            status,
            currency: self.taxed.gross.currency(),
            seller: self.seller,
            customer: self.customer,
            lines: self.lines,
            tax: self.tax,
            totals: Totals::of(self.taxed),
        }
    }
}

/// An invoice that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Invoice {
    pub number: String,
    pub issued_on: Day,
    pub due_on: Day,
    pub status: Status,
    pub currency: Currency,
    pub seller: Party,
    pub customer: Party,
    pub lines: Vec<Line>,
    pub tax: Option<AppliedTax>,
    pub totals: Totals,
}

/// `net + tax = gross`, as decimal text in the invoice's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    pub net: Money,
    pub tax: Money,
    /// What is to be paid.
    pub gross: Money,
}

impl Totals {
    const fn of(taxed: Taxed) -> Self {
        Self { net: taxed.net, tax: taxed.tax, gross: taxed.gross }
    }
}

impl Invoice {
    /// The same invoice after something happened to it.
    pub fn after(&self, act: Act) -> Result<Self, StatusError> {
        Ok(Self { status: self.status.after(act)?, ..self.clone() })
    }

    /// Each line without its tax: these add up to `totals.net` exactly (largest remainder), where prices are given with tax as
    /// well.
    pub fn line_nets(&self) -> Vec<Money> {
        let weights: Vec<i64> = self.lines.iter().map(|line| line.amount.minor()).collect();
        let is_net = self.totals.net.minor() == weights.iter().copied().fold(0, i64::saturating_add);
        let amounts = || self.lines.iter().map(|line| line.amount).collect();
        if is_net { amounts() } else { self.totals.net.allocate(&weights).unwrap_or_else(amounts) }
    }
}

/// An invoice as somebody has written it, before it is held against its own lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    number: String,
    issued_on: Day,
    due_on: Day,
    status: Status,
    currency: Currency,
    seller: Party,
    customer: Party,
    lines: Vec<Line>,
    tax: Option<AppliedTax>,
    totals: Totals,
}

/// An invoice whose totals are not what its lines come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the totals are not what the lines come to")]
struct WrongTotals;

impl TryFrom<Unchecked> for Invoice {
    type Error = WrongTotals;

    fn try_from(read: Unchecked) -> Result<Self, WrongTotals> {
        let sum =
            Money::sum(read.currency, read.lines.iter().map(|line| line.amount)).map_err(|_| WrongTotals)?;
        let taxed = match &read.tax {
            Some(tax) => tax.on(sum).ok_or(WrongTotals)?,
            None => Taxed { net: sum, tax: Money::zero(read.currency), gross: sum },
        };
        if Totals::of(taxed) != read.totals {
            return Err(WrongTotals);
        }
        let Unchecked { number, issued_on, due_on, status, currency, seller, customer, lines, tax, totals } =
            read;
        Ok(Self { number, issued_on, due_on, status, currency, seller, customer, lines, tax, totals })
    }
}

#[cfg(test)]
mod tests;
