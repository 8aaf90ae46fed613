//! Whether a password can be guessed: an estimate of the attempts somebody needs who knows leaked passwords, words, names,
//! keyboards and the person (crate `zxcvbn`; docs/decisions says why that one).

use zxcvbn::Score;
use zxcvbn::feedback::{Feedback, Warning};

/// Shorter parts of names and addresses say nothing about a password.
const LEAST_PART: usize = 4;

/// Why a password is too weak, as the end of a sentence that begins with "The password"; `None`: it is good.
///
/// `theirs` is what an attacker knows about the person: name, user name, e-mail.
pub fn weakness(password: &str, theirs: &[&str]) -> Option<String> {
    let parts: Vec<String> = theirs
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).chain([*text]))
        .filter(|part| part.chars().count() >= LEAST_PART)
        .map(str::to_lowercase)
        .collect();
    let inputs: Vec<&str> = parts.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(password, &inputs);
    if estimate.score() >= Score::Three {
        return None;
    }
    let lower = password.to_lowercase();
    let reason = if parts.iter().any(|part| lower.contains(part.as_str())) {
        "is made of your own name or address"
    } else {
        estimate.feedback().and_then(Feedback::warning).map_or("is too easy to guess", in_words)
    };
    Some(format!("{reason}; add a few words that nobody would put together"))
}

const fn in_words(warning: Warning) -> &'static str {
    match warning {
        Warning::ThisIsATop10Password | Warning::ThisIsATop100Password | Warning::ThisIsACommonPassword => {
            "is one of those most used, and stands in every list of leaked passwords"
        }
        Warning::ThisIsSimilarToACommonlyUsedPassword => "is close to one of those most used and leaked",
        Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => {
            "follows the keys of a keyboard"
        }
        Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            "repeats itself"
        }
        Warning::SequencesLikeAbcAreEasyToGuess => "is a sequence such as abc or 6543",
        Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => {
            "is little more than a date"
        }
        Warning::AWordByItselfIsEasyToGuess => "is little more than one word",
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => "is little more than a name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: [&str; 3] = ["Ada Lovelace", "countess", "ada.king@example.com"];

    #[test]
    fn leaked_and_guessable_passwords_are_refused_with_a_reason() {
        for (password, reason) in [
            ("password", "most used"),
            ("Passw0rd!", "most used"),
            ("iloveyou1", "most used"),
            ("qwertyuiop", "most used"),
            ("zxcvfdsaqwer", "keyboard"),
            ("aaaaaaaaaaaa", "repeats itself"),
            ("abcdefghijkl", "sequence"),
            ("lovelace1815", "your own name"),
            ("countess!!", "your own name"),
            ("ada.king@example.com", "your own name"),
            ("19.05.1987", "date"),
        ] {
            let found = weakness(password, &ADA);
            assert!(found.as_ref().is_some_and(|found| found.contains(reason)), "{password}: {found:?}");
        }
    }

    #[test]
    fn words_that_nobody_puts_together_are_good() {
        for password in
            ["correct horse battery", "kettle-drum-orbit", "J7#qv!0zRk2p", "пять зелёных чайников"]
        {
            assert_eq!(weakness(password, &ADA), None, "{password}");
        }
    }

    #[test]
    fn a_long_password_takes_no_long_time_and_any_text_is_read() {
        assert!(weakness(&"é?x7".repeat(50), &ADA).is_some());
        assert!(weakness("", &[]).is_some());
        assert!(weakness("\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}", &["", "a"]).is_some());
    }
}
