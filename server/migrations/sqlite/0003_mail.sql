-- Mails we write, until they are sent: written in the transaction that makes them necessary. Times are microseconds since
-- 1970, UTC. A mail waits, was delivered or has failed; one that no longer waits has neither bodies nor link.
CREATE TABLE mails (
    no              INTEGER PRIMARY KEY,        -- order of writing
    id              TEXT    NOT NULL CONSTRAINT mails_id_key UNIQUE,  -- of the Message-ID as well
    recipient       TEXT    NOT NULL CONSTRAINT mails_recipient_named CHECK (recipient LIKE '%_@_%'),  -- lower case
    recipient_name  TEXT    NOT NULL,
    kind            TEXT    NOT NULL CONSTRAINT mails_kind_named CHECK (kind <> ''),
    subject         TEXT    NOT NULL,
    text_body       TEXT,
    html_body       TEXT,
    link            TEXT,                       -- what the mail wants opened, for the outbox
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,           -- when it is given up
    attempts        INTEGER NOT NULL DEFAULT 0 CONSTRAINT mails_attempts_countable CHECK (attempts >= 0),
    next_attempt_at INTEGER,
    delivered_at    INTEGER,
    failed_at       INTEGER,
    last_error      TEXT,
    CONSTRAINT mails_one_state CHECK (
        (next_attempt_at IS NOT NULL) + (delivered_at IS NOT NULL) + (failed_at IS NOT NULL) = 1),
    CONSTRAINT mails_bodies_while_waiting CHECK (
        (text_body IS NOT NULL) = (next_attempt_at IS NOT NULL) AND (html_body IS NOT NULL) = (next_attempt_at IS NOT NULL)),
    CONSTRAINT mails_link_while_waiting CHECK (link IS NULL OR next_attempt_at IS NOT NULL),
    CONSTRAINT mails_expire_later CHECK (expires_at > created_at),
    CONSTRAINT mails_failure_explained CHECK (failed_at IS NULL OR last_error IS NOT NULL)
) STRICT;
CREATE INDEX mails_waiting ON mails (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX mails_recipient ON mails (recipient);

-- Who looked at or did what only an operator may. Only ever appended.
CREATE TABLE audit_log (
    no      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL CONSTRAINT audit_log_actor_named CHECK (actor <> ''),
    action  TEXT    NOT NULL CONSTRAINT audit_log_action_named CHECK (action <> ''),
    subject TEXT    NOT NULL                    -- whom or what; '': everything
) STRICT;
CREATE TRIGGER audit_log_never_changes BEFORE UPDATE ON audit_log BEGIN SELECT raise(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_log_never_goes BEFORE DELETE ON audit_log BEGIN SELECT raise(ABORT, 'the audit log is never deleted'); END;
