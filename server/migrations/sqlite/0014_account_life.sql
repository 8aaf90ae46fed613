-- The life of an account: where its sessions are, what was done to it, and how its e-mail changes.
ALTER TABLE sessions ADD COLUMN address TEXT;           -- of its last use; NULL: not known
ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT '';  -- in words; '': not known

-- What was done to a user's account and by whom, for them to read. Rows go with age or with their user, and never change.
CREATE TABLE access_log (
    no      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    user_id TEXT    NOT NULL CONSTRAINT access_log_user_fkey REFERENCES users (id),
    kind    TEXT    NOT NULL CONSTRAINT access_log_kind_named CHECK (kind <> ''),
    about   TEXT    NOT NULL,                   -- which way, key or e-mail; '': nothing more to say
    address TEXT,                               -- NULL: not known
    device  TEXT    NOT NULL                    -- in words; '': not known
) STRICT;
CREATE INDEX access_log_user ON access_log (user_id, no);
CREATE INDEX access_log_at ON access_log (at);
-- Of a key's uses from one address the first of each day (UTC).
CREATE UNIQUE INDEX access_log_key_uses ON access_log (user_id, about, at / 86400000000, coalesce(address, '')) WHERE kind = 'key_used';
CREATE TRIGGER access_log_never_changes BEFORE UPDATE ON access_log BEGIN SELECT raise(ABORT, 'the access log is never changed'); END;

-- Users who want another e-mail. It changes once a link in a letter to each address was followed; a new wish takes the place of the
-- one before. The tokens are high-entropy, so a plain SHA-256 hides them.
CREATE TABLE email_changes (
    user_id          TEXT    NOT NULL CONSTRAINT email_changes_pkey PRIMARY KEY
                     CONSTRAINT email_changes_user_fkey REFERENCES users (id),
    new_email        TEXT    NOT NULL CONSTRAINT email_changes_named CHECK (new_email LIKE '%_@_%'),  -- lower case
    old_token_hash   BLOB    NOT NULL CONSTRAINT email_changes_old_token_key UNIQUE
                     CONSTRAINT email_changes_old_hash_length CHECK (length(old_token_hash) = 32),
    new_token_hash   BLOB    NOT NULL CONSTRAINT email_changes_new_token_key UNIQUE
                     CONSTRAINT email_changes_new_hash_length CHECK (length(new_token_hash) = 32),
    old_confirmed_at INTEGER,
    new_confirmed_at INTEGER,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL CONSTRAINT email_changes_expire_later CHECK (expires_at > created_at),
    CONSTRAINT email_changes_pending CHECK (old_confirmed_at IS NULL OR new_confirmed_at IS NULL)
) STRICT, WITHOUT ROWID;

-- An account that its user has deleted: closed at once, and erased at `closes_at`. Ids and amounts stay; `closes_at` goes once
-- nothing else is left.
ALTER TABLE accounts ADD COLUMN closes_at INTEGER;          -- NULL: it stays
ALTER TABLE accounts ADD COLUMN erased_at INTEGER;          -- NULL: its user is known
CREATE INDEX accounts_closes_at ON accounts (closes_at) WHERE closes_at IS NOT NULL;
