//! What becomes of an invoice.

use serde::{Deserialize, Serialize};

/// Where an issued invoice stands. (What isn't issued is a draft, and no invoice.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// To be paid.
    Open,
    Paid,
    /// It should not have been issued; nothing is owed for it.
    Void,
    /// It is owed, and nobody expects it any more; it may still be paid.
    Uncollectible,
}

/// What happens to an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Pay,
    Void,
    GiveUp,
}

/// Something that can't happen to an invoice any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an invoice that is {} can't be {}", .from.name(), .act.name())]
pub struct StatusError {
    pub from: Status,
    pub act: Act,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Open, Self::Paid, Self::Void, Self::Uncollectible];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Paid and void are for ever; what is paid is put right by a credit note.
    pub const fn after(self, act: Act) -> Result<Self, StatusError> {
        match (self, act) {
            (Self::Open | Self::Uncollectible, Act::Pay) => Ok(Self::Paid),
            (Self::Open | Self::Uncollectible, Act::Void) => Ok(Self::Void),
            (Self::Open, Act::GiveUp) => Ok(Self::Uncollectible),
            (from, act) => Err(StatusError { from, act }),
        }
    }
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::Pay => "paid",
            Self::Void => "made void",
            Self::GiveUp => "given up",
        }
    }
}
