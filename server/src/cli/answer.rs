//! Answers as people and as programs read them.

use std::fmt::{self, Write as _};

use ledger::rate::{Price, Pricing, Rounding};
use ledger::{Credits, Quantity, Timestamp};
use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::command::{
    AdminAnswer, KeyView, MailView, OutboxView, RateCardView, ReportedView, StatsView, Verdict,
};
use super::price_list;
use crate::calendar::Rfc3339;

impl AdminAnswer {
    /// One line of JSON, amounts printed from integers.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::UserCreated(view) => serde_json::to_string(view),
            Self::User(view) => serde_json::to_string(view),
            Self::KeyCreated(view) => serde_json::to_string(view),
            Self::ServiceKeys(view) => serde_json::to_string(view),
            Self::KeyRevoked(view) => serde_json::to_string(view),
            Self::Granted(view) => serde_json::to_string(view),
            Self::Voided(view) => serde_json::to_string(view),
            Self::Verified(view) => serde_json::to_string(view),
            Self::RateCard(view) => serde_json::to_string(&RateCardJson::from(view)),
            Self::Reports(view) => serde_json::to_string(view),
            Self::Stats(view) => serde_json::to_string(view),
            Self::Outbox(view) => serde_json::to_string(view),
            Self::StoreCopied { to } => serde_json::to_string(to),
        }
    }

    /// Whether the process ends with success.
    pub fn is_good(&self) -> bool {
        !matches!(self, Self::Verified(Verdict { ok: false, .. }))
    }
}

/// What people read.
impl fmt::Display for AdminAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserCreated(ids) => write!(out, "user     {}\naccount  {}", ids.user_id, ids.account_id),
            Self::User(user) => {
                write!(
                    out,
                    "user     {}\naccount  {}\nstatus   {}",
                    user.user_id, user.account_id, user.status
                )
            }
            Self::KeyCreated(new) => {
                write!(out, "key_id  {}\nkey     {}\nThe key is shown this once.", new.key_id, new.key)
            }
            Self::ServiceKeys(list) if list.keys.is_empty() => out.write_str("no service keys"),
            Self::ServiceKeys(list) => {
                let lines: Vec<String> = list.keys.iter().map(key_line).collect();
                out.write_str(&lines.join("\n"))
            }
            Self::KeyRevoked(key) => write!(out, "{} is revoked since {}", key.key_id, key.revoked_at),
            Self::Granted(grant) => {
                let until =
                    grant.expires_at.as_deref().map_or("for ever".to_owned(), |at| format!("until {at}"));
                writeln!(out, "grant    {}", grant.grant_id)?;
                writeln!(out, "account  {}", grant.account_id)?;
                writeln!(out, "credits  {} {}, priority {}", grant.credits, grant.kind, grant.priority)?;
                writeln!(out, "valid    from {} {until}", grant.effective_at)?;
                write!(out, "balance  {} credits after entry {}", grant.balance, grant.seq)
            }
            Self::Voided(void) => {
                writeln!(out, "{} is void, {} credits were left", void.grant_id, void.credits)?;
                write!(out, "balance  {} credits after entry {}", void.balance, void.seq)
            }
            Self::Verified(verdict) => out.write_str(&verdict_lines(verdict)?),
            Self::RateCard(card) => price_list::write(card, out),
            Self::Reports(list) if list.reports.is_empty() => out.write_str("nothing was reported"),
            Self::Reports(list) => {
                let lines: Vec<String> = list.reports.iter().map(report_lines).collect();
                out.write_str(&lines.join("\n\n"))
            }
            Self::Stats(stats) => out.write_str(&stats_lines(stats)?),
            Self::Outbox(outbox) => out.write_str(&outbox_lines(outbox)),
            Self::StoreCopied { to } => write!(out, "{}", to.display()),
        }
    }
}

fn key_line(key: &KeyView) -> String {
    let source = key.source.as_deref().map_or(String::new(), |source| format!(", only for source {source}"));
    let debt =
        key.debt_limit.map_or(String::new(), |limit| format!(", may let accounts owe {limit} credits"));
    let state = match &key.revoked_at {
        Some(at) => format!("revoked {at}"),
        None => format!("made {}", key.created_at),
    };
    let (prefix, suffix) = (&key.key_prefix, &key.key_suffix);
    format!(
        "{}  {prefix}…{suffix}  {}  may {}{source}{debt}, {state}",
        key.key_id,
        key.name,
        key.scopes.join(", ")
    )
}

fn report_lines(report: &ReportedView) -> String {
    let ReportedView { reported_at, event_id, email, text } = report;
    format!("{reported_at}  {email}  {event_id}\n  {}", text.replace('\n', "\n  "))
}

fn verdict_lines(verdict: &Verdict) -> Result<String, fmt::Error> {
    let Verdict { accounts, entries, issued, remaining, spent, expired, voided, held, debt, .. } = verdict;
    let mut text = String::new();
    if let Some(mismatch) = &verdict.mismatch {
        write!(text, "MISMATCH in {} entry {}: {}", mismatch.account_id, mismatch.seq, mismatch.fault)?;
        write!(text, "\n{accounts} accounts were in order before it")?;
    } else {
        let noun = if *accounts == 1 { "account" } else { "accounts" };
        write!(text, "in order: {accounts} {noun}, {entries} entries")?;
        let part = |name: &str, credits: &Credits| {
            if credits.is_zero() { String::new() } else { format!(" + {name} {credits}") }
        };
        let (held, owed) = (part("held", held), part("owed", debt));
        write!(
            text,
            "\nissued {issued}{owed} = left {remaining}{held} + spent {spent} + expired {expired} + voided {voided}"
        )?;
    }
    Ok(text)
}

fn stats_lines(stats: &StatsView) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for (name, count) in [
        ("accounts", stats.accounts),
        ("users", stats.users),
        ("entries", stats.entries),
        ("events", stats.events),
    ] {
        writeln!(text, "{name:<9} {count}")?;
    }
    for (name, credits) in [
        ("issued", stats.issued),
        ("spent", stats.spent),
        ("expired", stats.expired),
        ("voided", stats.voided),
        ("left", stats.remaining),
        ("held", stats.held),
        ("owed", stats.debt),
    ] {
        writeln!(text, "{name:<9} {credits} credits")?;
    }
    Ok(text.trim_end().to_owned())
}

fn outbox_lines(outbox: &OutboxView) -> String {
    if outbox.mails.is_empty() {
        return "no mail waits".to_owned();
    }
    let mut lines: Vec<String> = outbox.mails.iter().map(mail_lines).collect();
    if outbox.smtp {
        lines.push("SMTP_URL is set, so links are not shown".to_owned());
    }
    lines.join("\n")
}

fn mail_lines(mail: &MailView) -> String {
    let MailView { email, subject, status, created_at, attempts, .. } = mail;
    let mut text = format!("{created_at}  {email}  {subject}  {status}");
    // Writing to a String cannot fail.
    if let Some(error) = &mail.last_error {
        let _ = write!(text, ", {attempts} attempts: {error}");
    }
    if let Some(link) = &mail.link {
        let _ = write!(text, "\n  {link}");
    }
    text
}

/// The card for programs.
#[derive(Serialize)]
struct RateCardJson<'a> {
    version: u32,
    effective_from: Rfc3339,
    prices: Vec<PriceJson<'a>>,
    coming: Vec<ComingJson>,
}

#[derive(Serialize)]
struct ComingJson {
    version: u32,
    effective_from: Rfc3339,
}

/// The keys of the price list's format, with numbers as numbers: `{operation, unit, credits_per_unit}` for example.
struct PriceJson<'a>(&'a Price);

#[derive(Serialize)]
struct PackageJson {
    units: Quantity,
    credits: Credits,
}

impl<'a> From<&'a RateCardView> for RateCardJson<'a> {
    fn from(card: &'a RateCardView) -> Self {
        let coming =
            |&(version, from): &(u32, Timestamp)| ComingJson { version, effective_from: Rfc3339(from) };
        Self {
            version: card.version,
            effective_from: Rfc3339(card.effective_from),
            prices: card.prices.iter().map(PriceJson).collect(),
            coming: card.coming.iter().map(coming).collect(),
        }
    }
}

impl Serialize for PriceJson<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("operation", &self.0.operation)?;
        map.serialize_entry("unit", &self.0.unit)?;
        match &self.0.pricing {
            Pricing::Flat { credits_per_unit } => {
                map.serialize_entry("credits_per_unit", credits_per_unit)?;
            }
            Pricing::Graduated { tiers } => map.serialize_entry("graduated", tiers)?,
            Pricing::Volume { tiers } => map.serialize_entry("volume", tiers)?,
            Pricing::Package { size, credits_per_package } => {
                map.serialize_entry("package", &PackageJson { units: *size, credits: *credits_per_package })?;
            }
            _ => map.serialize_entry("free", &self.0.is_free())?,
        }
        if let Some(least) = self.0.minimum {
            map.serialize_entry("minimum", &least)?;
        }
        if self.0.rounding != Rounding::default() {
            map.serialize_entry("rounding", &self.0.rounding)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use ledger::rate::RateCard;

    use super::*;
    use crate::cli::command::MismatchView;

    fn verdict(mismatch: Option<MismatchView>) -> AdminAnswer {
        AdminAnswer::Verified(Verdict {
            ok: mismatch.is_none(),
            accounts: 2,
            entries: 9,
            issued: Credits::whole(10),
            remaining: Credits::parse("6.5").unwrap(),
            spent: Credits::parse("3.5").unwrap(),
            expired: Credits::ZERO,
            voided: Credits::ZERO,
            held: Credits::ZERO,
            debt: Credits::ZERO,
            mismatch,
        })
    }

    #[test]
    fn a_clean_verdict_prints_the_sums_and_succeeds() {
        let clean = verdict(None);
        assert!(clean.is_good());
        assert!(clean.to_string().contains("issued 10 = left 6.5 + spent 3.5 + expired 0 + voided 0"));
        assert!(
            clean
                .json()
                .unwrap()
                .starts_with(r#"{"ok":true,"accounts":2,"entries":9,"issued":10,"remaining":6.5,"#)
        );
    }

    #[test]
    fn a_mismatch_is_named_and_fails() {
        let account_id = "acct_01900000000070008000000000000001".parse().unwrap();
        let bad = verdict(Some(MismatchView { account_id, seq: 4, fault: "the hash".to_owned() }));
        assert!(!bad.is_good());
        assert!(
            bad.to_string()
                .starts_with("MISMATCH in acct_01900000000070008000000000000001 entry 4: the hash")
        );
        assert!(
            bad.json()
                .unwrap()
                .contains(r#""mismatch":{"account_id":"acct_01900000000070008000000000000001","seq":4,"#)
        );
    }

    #[test]
    fn a_card_for_programs_has_exact_prices() {
        let RateCard { version, effective_from, prices } = RateCard::example();
        let card = AdminAnswer::RateCard(RateCardView { version, effective_from, prices, coming: vec![] });
        let json = card.json().unwrap();
        assert!(json.starts_with(
            r#"{"version":1,"effective_from":"1970-01-01T00:00:00Z","prices":[{"operation":"model.build","#
        ));
        assert!(
            json.contains(r#"{"operation":"data.storage","unit":"MB·day","credits_per_unit":0.01}"#),
            "{json}"
        );
        assert!(json.contains(r#"{"operation":"account.read","unit":"call","free":true}"#), "{json}");
    }
}
