-- What customers find wrong with a charge, for the operator. The same text about the same event is one report.
CREATE TABLE problem_reports (
    no         INTEGER PRIMARY KEY,
    account    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,                -- of the event's leg 0
    user_id    TEXT    NOT NULL CONSTRAINT problem_reports_user_fkey REFERENCES users (id),
    text       TEXT    NOT NULL CONSTRAINT problem_reports_text_length CHECK (length(text) BETWEEN 1 AND 2000),
    created_at INTEGER NOT NULL,
    CONSTRAINT problem_reports_event_fkey FOREIGN KEY (account, seq) REFERENCES entries (account, seq),
    CONSTRAINT problem_reports_text_key UNIQUE (account, seq, text)
) STRICT;
