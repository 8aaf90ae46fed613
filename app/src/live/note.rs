//! What the tabs of a browser say to each other: one line that says whose tab is talking, then the note.
//!
//! Text rather than JSON: a commit is handed on exactly as it came, and the code that reads a note stays small.

/// One thing said. All tabs hear it but the one that speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A follower knows everything up to this entry. How is the stream, and what came after?
    Ask(u64),
    /// The holder's stream is open or not, and has come this far.
    State { live: bool, seq: u64 },
    /// The messages of one commit, or an alert: a line with the event's name, a line with its data, and so on.
    Commit(String),
    /// The session has ended.
    Gone,
}

impl Note {
    /// As it is posted by a tab of `user`.
    pub fn write(&self, user: &str) -> String {
        match self {
            Self::Ask(seq) => format!("{user}\nask\n{seq}"),
            Self::State { live: true, seq } => format!("{user}\nlive\n{seq}"),
            Self::State { live: false, seq } => format!("{user}\ncut\n{seq}"),
            Self::Commit(text) => format!("{user}\ncommit\n{text}"),
            Self::Gone => format!("{user}\ngone\n"),
        }
    }

    /// The user and the note. `None` for what another version of this page may say.
    pub fn read(text: &str) -> Option<(&str, Self)> {
        let (user, rest) = text.split_once('\n')?;
        let (kind, rest) = rest.split_once('\n')?;
        let note = match kind {
            "ask" => Self::Ask(rest.parse().ok()?),
            "live" => Self::State { live: true, seq: rest.parse().ok()? },
            "cut" => Self::State { live: false, seq: rest.parse().ok()? },
            "commit" => Self::Commit(rest.to_owned()),
            "gone" => Self::Gone,
            _ => return None,
        };
        Some((user, note))
    }
}

/// One message as it stands in a [`Note::Commit`]. Data of the stream is JSON on one line.
pub fn push_message(text: &mut String, event: &str, data: &str) {
    for line in [event, data] {
        text.push_str(line);
        text.push('\n');
    }
}

/// The messages of a [`Note::Commit`], in order.
pub fn messages(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lines = text.lines();
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_is_read_as_it_was_written() {
        let mut text = String::new();
        push_message(&mut text, "entry", r#"{"seq":3}"#);
        push_message(&mut text, "balance", r#"{"seq":3,"balance":7}"#);
        let both = [("entry", r#"{"seq":3}"#), ("balance", r#"{"seq":3,"balance":7}"#)];
        assert_eq!(messages(&text).collect::<Vec<_>>(), both);
        let state = |live| Note::State { live, seq: 7 };
        for note in [Note::Ask(0), state(true), state(false), Note::Commit(text), Note::Gone] {
            assert_eq!(Note::read(&note.write("user_1")), Some(("user_1", note)));
        }
    }

    #[test]
    fn what_is_no_note_is_not_heard() {
        for text in ["", "user_1", "user_1\nask", "user_1\nask\n-1", "user_1\nlive\n", "user_1\nsing\n1"] {
            assert_eq!(Note::read(text), None, "{text:?}");
        }
    }
}
