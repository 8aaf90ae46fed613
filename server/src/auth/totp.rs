//! Codes of authenticator apps: six digits that change every 30 seconds (RFC 6238 over RFC 4226, with the SHA-1 that every app
//! knows).

use data_encoding::BASE32_NOPAD;
use ledger::Timestamp;
use ledger::time::SECOND;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;

use crate::random::Random;

/// Bytes of a secret: as many as SHA-1 has (RFC 4226, 4).
pub const SECRET_LEN: usize = 20;
/// Who the app says the code is for.
const ISSUER: &str = "Plexe Console";
const PERIOD_S: i64 = 30;
const DIGITS: usize = 6;
/// Steps that a phone's clock may be ahead of ours or behind.
const DRIFT: i64 = 1;

/// What the app and we both know.
pub type Secret = [u8; SECRET_LEN];

pub fn new_secret(random: &dyn Random) -> Secret {
    let mut secret = [0; SECRET_LEN];
    random.fill(&mut secret);
    secret
}

/// As somebody types it who can't scan it: groups of four letters and digits.
pub fn spelled(secret: &[u8]) -> String {
    let text = BASE32_NOPAD.encode(secret);
    let groups: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// As apps scan it (the "Key URI Format" that Google Authenticator began and all have taken over).
pub fn uri(secret: &[u8], email: &str) -> String {
    let word = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let (issuer, email, secret) = (word(ISSUER), word(email), BASE32_NOPAD.encode(secret));
    format!("otpauth://totp/{issuer}:{email}?secret={secret}&issuer={issuer}")
}

/// Six digits, which people and apps may part by spaces; `None`: that is no code.
pub fn parse(text: &str) -> Option<u32> {
    let digits: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let is_code = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_code { digits.parse().ok() } else { None }
}

/// The step whose code this is: of now, or of the one before or after. All are computed, whichever it is.
pub fn step_of(secret: &[u8], code: u32, now: Timestamp) -> Option<i64> {
    let now = now.micros() / (PERIOD_S * SECOND);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let fits = |found: Option<i64>, step| if code_at(&key, step) == code { Some(step) } else { found };
    (now - DRIFT..=now + DRIFT).fold(None, fits)
}

/// RFC 4226, 5.3.
fn code_at(key: &hmac::Key, step: i64) -> u32 {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last().copied().unwrap_or_default() & 15);
    let word = tag.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
    (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: its codes of eight digits end with ours.
    const RFC: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * SECOND)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(step_of(RFC, code, at(seconds)), Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off() {
        for (seconds, step) in [(59, Some(1)), (29, Some(1)), (0, Some(1)), (89, Some(1)), (90, None)] {
            assert_eq!(step_of(RFC, 287_082, at(seconds)), step, "{seconds}");
        }
        assert_eq!(step_of(RFC, 287_083, at(59)), None);
    }

    #[test]
    fn six_digits_are_a_code_and_nothing_else_is() {
        assert_eq!((parse("081 804"), parse(" 081804\n")), (Some(81_804), Some(81_804)));
        for other in ["", "81804", "0818041", "08180a", "٠٨١٨٠٤", "+81804", "-08180"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_secret_is_spelled_and_scanned() {
        assert_eq!(spelled(RFC), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            uri(RFC, "ada+x@example.com"),
            "otpauth://totp/Plexe%20Console:ada%2Bx%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&\
             issuer=Plexe%20Console"
        );
    }
}
