-- The books. Credits and quantities are millionths, times microseconds since 1970, UTC; see ledger/README.md.
CREATE TABLE rate_cards (
    version        INTEGER NOT NULL CONSTRAINT rate_cards_pkey PRIMARY KEY,
    effective_from INTEGER NOT NULL CONSTRAINT rate_cards_effective_from_key UNIQUE,
    prices         TEXT    NOT NULL,            -- JSON of ledger::rate::Price
    created_at     INTEGER NOT NULL
) STRICT;

-- One row for each account that has an entry: where its chain stands.
CREATE TABLE wallets (
    account     INTEGER NOT NULL CONSTRAINT wallets_pkey PRIMARY KEY CONSTRAINT wallets_account_fkey REFERENCES accounts (no),
    seq         INTEGER NOT NULL CONSTRAINT wallets_seq_positive CHECK (seq > 0),
    head        BLOB    NOT NULL CONSTRAINT wallets_head_length CHECK (length(head) = 32),
    held        INTEGER NOT NULL CONSTRAINT wallets_held_countable CHECK (held BETWEEN 0 AND 9007199254740991),
    recorded_at INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
    account      INTEGER NOT NULL CONSTRAINT grants_account_fkey REFERENCES accounts (no),
    seq          INTEGER NOT NULL,              -- of the entry that issued it
    amount       INTEGER NOT NULL CONSTRAINT grants_amount_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    remaining    INTEGER NOT NULL CONSTRAINT grants_remaining_within CHECK (remaining BETWEEN 0 AND amount),
    kind         INTEGER NOT NULL CONSTRAINT grants_kind_known CHECK (kind BETWEEN 1 AND 5),
    priority     INTEGER NOT NULL CONSTRAINT grants_priority_within CHECK (priority BETWEEN 0 AND 1000),
    effective_at INTEGER NOT NULL,
    expires_at   INTEGER,
    source       TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    CONSTRAINT grants_pkey PRIMARY KEY (account, seq),
    CONSTRAINT grants_expires_after_effective CHECK (expires_at IS NULL OR expires_at > effective_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_expires_at ON grants (expires_at) WHERE expires_at IS NOT NULL;

-- One row is one movement; the row of leg 0 of a charge is the event as well. Only ever appended.
CREATE TABLE entries (
    no              INTEGER PRIMARY KEY,        -- order of writing; nothing refers to it
    account         INTEGER NOT NULL CONSTRAINT entries_account_fkey REFERENCES accounts (no),
    seq             INTEGER NOT NULL CONSTRAINT entries_seq_positive CHECK (seq > 0),
    leg             INTEGER NOT NULL CONSTRAINT entries_leg_within CHECK (leg BETWEEN 0 AND 65535),
    movement        INTEGER NOT NULL CONSTRAINT entries_movement_known CHECK (movement BETWEEN 1 AND 4),
    amount          INTEGER NOT NULL CONSTRAINT entries_amount_countable CHECK (amount BETWEEN 0 AND 9007199254740991),
    grant_seq       INTEGER,
    available_after INTEGER NOT NULL CONSTRAINT entries_available_countable CHECK (available_after BETWEEN 0 AND 9007199254740991),
    held_after      INTEGER NOT NULL CONSTRAINT entries_held_countable CHECK (held_after BETWEEN 0 AND 9007199254740991),
    recorded_at     INTEGER NOT NULL,
    source          TEXT,
    event_id        TEXT,
    operation       TEXT,
    quantity        INTEGER,
    credits         INTEGER,
    occurred_at     INTEGER,
    api_key         TEXT,
    service_key     TEXT,
    price_version   INTEGER,
    dimensions_hash BLOB,
    reason          TEXT,
    hash            BLOB    NOT NULL CONSTRAINT entries_hash_length CHECK (length(hash) = 32),
    CONSTRAINT entries_grant_unless_free CHECK (grant_seq IS NOT NULL OR (movement = 2 AND amount = 0)),
    CONSTRAINT entries_event_on_leg_0 CHECK ((movement = 2 AND leg = 0) = (source IS NOT NULL)),
    CONSTRAINT entries_event_whole CHECK (
        (source IS NULL) = (event_id IS NULL) AND (source IS NULL) = (operation IS NULL) AND (source IS NULL) = (quantity IS NULL)
        AND (source IS NULL) = (credits IS NULL) AND (source IS NULL) = (price_version IS NULL)),
    CONSTRAINT entries_event_only CHECK (
        source IS NOT NULL OR (occurred_at IS NULL AND api_key IS NULL AND service_key IS NULL AND dimensions_hash IS NULL)),
    CONSTRAINT entries_reason_of_void CHECK ((movement = 4) = (reason IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX entries_account_seq_key ON entries (account, seq);
CREATE UNIQUE INDEX entries_source_event_id_key ON entries (source, event_id) WHERE source IS NOT NULL;

CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries BEGIN SELECT raise(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries BEGIN SELECT raise(ABORT, 'entries are never deleted'); END;

-- What a service said about an event; may be erased, the entry keeps the digest.
CREATE TABLE event_dimensions (
    account    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    dimensions TEXT    NOT NULL,                -- JSON object of text
    CONSTRAINT event_dimensions_pkey PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;

-- Consumption in buckets of 15 minutes of event time.
CREATE TABLE rollups (
    account   INTEGER NOT NULL,
    bucket    INTEGER NOT NULL,
    operation TEXT    NOT NULL,
    api_key   TEXT    NOT NULL DEFAULT '',      -- '': reported without one
    credits   INTEGER NOT NULL CONSTRAINT rollups_credits_countable CHECK (credits BETWEEN 0 AND 9007199254740991),
    quantity  INTEGER NOT NULL CONSTRAINT rollups_quantity_positive CHECK (quantity >= 0),
    count     INTEGER NOT NULL CONSTRAINT rollups_count_positive CHECK (count > 0),
    CONSTRAINT rollups_pkey PRIMARY KEY (account, bucket, operation, api_key)
) STRICT, WITHOUT ROWID;
