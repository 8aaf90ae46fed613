//! Taking back an invoice that was paid, or a part of it.

use serde::{Deserialize, Serialize};

use super::{Invoice, Party, Status, Totals};
use crate::day::Day;
use crate::money::Money;
use crate::shares::share;
use crate::tax::AppliedTax;

/// What is given back of an invoice. Its amounts are above zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditNote {
    /// Of a series of its own.
    pub number: String,
    /// The number of the invoice.
    pub invoice: String,
    pub issued_on: Day,
    pub reason: String,
    pub seller: Party,
    pub customer: Party,
    pub tax: Option<AppliedTax>,
    pub totals: Totals,
}

/// Why nothing is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    #[error("an invoice that is {} has nothing to give back", .0.name())]
    NotPaid(Status),
    #[error("the amount must be more than zero")]
    Nothing,
    #[error("the amount must be at most {left}, which is what earlier credit notes have left")]
    TooMuch { left: Money },
    #[error("the amount must be in the invoice's currency")]
    OtherCurrency,
}

impl Invoice {
    /// A credit note for `gross` of this invoice, of which `before` was given back by earlier ones. Tax is given back in
    /// proportion, reckoned on all notes together, so that notes for the whole gross give back the whole tax, however it
    /// was cut.
    pub fn credit(
        &self,
        number: String,
        issued_on: Day,
        gross: Money,
        before: Money,
        reason: String,
    ) -> Result<CreditNote, CreditError> {
        if self.status != Status::Paid {
            return Err(CreditError::NotPaid(self.status));
        }
        let whole = self.totals.gross;
        let left = whole.checked_sub(before).map_err(|_| CreditError::OtherCurrency)?;
        let after = before.checked_add(gross).map_err(|_| CreditError::OtherCurrency)?;
        if gross.minor() <= 0 {
            return Err(CreditError::Nothing);
        }
        if after.minor() > whole.minor() {
            return Err(CreditError::TooMuch { left });
        }
        let tax_of = |gross: Money| share(self.totals.tax.minor(), gross.minor(), whole.minor());
        let tax = tax_of(after).saturating_sub(tax_of(before));
        let tax = Money::new(tax, self.currency).ok_or(CreditError::OtherCurrency)?;
        let net = gross.checked_sub(tax).map_err(|_| CreditError::OtherCurrency)?;
        Ok(CreditNote {
            number,
            invoice: self.number.clone(),
            issued_on,
            reason,
            seller: self.seller.clone(),
            customer: self.customer.clone(),
            tax: self.tax.clone(),
            totals: Totals { net, tax, gross },
        })
    }
}
