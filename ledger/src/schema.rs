//! How amounts and ids look on the wire, as JSON Schema: for the description of the API, which is made from the types that
//! it writes. Only with the feature `schema`, which no browser build has.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::rate::Rounding;
use crate::{AccountId, Credits, EventId, GrantId, HoldId, KeyId, Quantity, UserId};

macro_rules! described {
    ($type:ident, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

described!(Credits, {
    "type": "number",
    "description": "Credits: a JSON number with up to 6 decimals, printed from whole micro-credits.",
    "examples": [49.9]
});
described!(Quantity, {
    "type": "number",
    "description": "Units of an operation: a JSON number with up to 6 decimals.",
    "minimum": 0,
    "examples": [3]
});
described!(AccountId, { "type": "string", "pattern": "^acct_[0-9a-f]{32}$" });
described!(UserId, { "type": "string", "pattern": "^user_[0-9a-f]{32}$" });
described!(GrantId, { "type": "string", "pattern": "^grant_[0-9a-f]{32}[0-9a-f]{1,16}$" });
described!(EventId, { "type": "string", "pattern": "^evt_[0-9a-f]{32}[0-9a-f]{1,16}$" });
described!(HoldId, { "type": "string", "pattern": "^hold_[0-9a-f]{32}[0-9a-f]{1,16}$" });
described!(KeyId, { "type": "string", "pattern": "^key_[0-9A-Za-z]{12}$" });

impl JsonSchema for Rounding {
    fn schema_name() -> Cow<'static, str> {
        "Rounding".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Self::ALL.map(Self::name);
        json_schema!({
            "type": "string",
            "enum": names,
            "description": "What becomes of the part of a charge below one micro-credit, once for each event.",
        })
    }
}
