//! Currencies of ISO 4217, and how many decimals each has.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency in circulation, by its code of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A text that is no currency. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a currency of ISO 4217 such as EUR")]
pub struct CurrencyError;

/// ISO 4217, list one, without funds codes, metals and testing codes. Those that have other than two decimals stand in
/// [`OTHER_DECIMALS`] as well.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD \
    HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL \
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD \
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD \
    UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

const OTHER_DECIMALS: [(&str, u8); 3] = [
    ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF", 0),
    ("BHD IQD JOD KWD LYD OMR TND", 3),
    ("CLF UYW", 4),
];

impl Currency {
    /// The code: `EUR`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimals its amounts have: 2 of EUR, 0 of JPY, 3 of KWD.
    pub fn decimals(self) -> u8 {
        let has_other = |(codes, _): &&(&str, u8)| codes.split(' ').any(|code| code == self.code());
        OTHER_DECIMALS.iter().find(has_other).map_or(2, |(_, decimals)| *decimals)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    /// Reads a code in capital letters.
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let known = CODES.split_ascii_whitespace().find(|code| *code == text).ok_or(CurrencyError)?;
        known.as_bytes().try_into().map(Self).map_err(|_| CurrencyError)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_three_capital_letters_and_stands_once() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(codes.is_sorted_by(|one, next| one < next));
        for code in &codes {
            assert!(code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()), "{code}");
            assert_eq!(code.parse::<Currency>().unwrap().code(), *code);
        }
        for (others, decimals) in OTHER_DECIMALS {
            for other in others.split_ascii_whitespace() {
                assert_eq!(other.parse::<Currency>().unwrap().decimals(), decimals, "{other}");
            }
        }
        assert_eq!("USD".parse::<Currency>().unwrap().decimals(), 2);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "eur", "EU", "EURO", "XXX", "XAU", "E R", "AED AFN"] {
            assert_eq!(text.parse::<Currency>(), Err(CurrencyError), "{text}");
        }
    }
}
