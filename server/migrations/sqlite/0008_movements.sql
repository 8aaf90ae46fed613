-- Holds, debt and corrections. `entries` is copied into a table with their movements and columns; what is in it stays as it is.
CREATE TABLE entries_with_movements (
    no              INTEGER PRIMARY KEY,        -- order of writing; nothing refers to it
    account         INTEGER NOT NULL CONSTRAINT entries_account_fkey REFERENCES accounts (no),
    seq             INTEGER NOT NULL CONSTRAINT entries_seq_positive CHECK (seq > 0),
    leg             INTEGER NOT NULL CONSTRAINT entries_leg_within CHECK (leg BETWEEN 0 AND 65535),
    movement        INTEGER NOT NULL CONSTRAINT entries_movement_known CHECK (movement BETWEEN 1 AND 11),
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
    debt_after      INTEGER NOT NULL DEFAULT 0 CONSTRAINT entries_debt_countable CHECK (debt_after BETWEEN 0 AND 9007199254740991),
    deadline        INTEGER,                    -- of a hold
    revises         INTEGER,                    -- seq of leg 0 of the hold that is closed, or of the event that is corrected
    quantity_before INTEGER,
    credits_before  INTEGER,
    correction_id   TEXT,
    CONSTRAINT entries_grant_unless_nothing CHECK (grant_seq IS NOT NULL OR movement IN (8, 11) OR amount = 0),
    CONSTRAINT entries_event_whole CHECK (
        (source IS NULL) = (event_id IS NULL) AND (source IS NULL) = (operation IS NULL) AND (source IS NULL) = (quantity IS NULL)
        AND (source IS NULL) = (credits IS NULL) AND (source IS NULL) = (price_version IS NULL)),
    CONSTRAINT entries_event_only CHECK (
        source IS NOT NULL OR (occurred_at IS NULL AND api_key IS NULL AND service_key IS NULL AND dimensions_hash IS NULL)),
    CONSTRAINT entries_event_on_leg_0 CHECK ((leg = 0 AND movement NOT IN (1, 3, 4, 9)) = (source IS NOT NULL)),
    CONSTRAINT entries_deadline_of_hold CHECK ((movement = 5 AND leg = 0) = (deadline IS NOT NULL)),
    CONSTRAINT entries_revises_whole CHECK (
        (revises IS NULL) = (quantity_before IS NULL) AND (revises IS NULL) = (credits_before IS NULL)
        AND (revises IS NOT NULL OR correction_id IS NULL)),
    CONSTRAINT entries_reason_given CHECK ((movement = 4 OR correction_id IS NOT NULL) = (reason IS NOT NULL))
) STRICT;
INSERT INTO entries_with_movements (no, account, seq, leg, movement, amount, grant_seq, available_after, held_after, recorded_at,
    source, event_id, operation, quantity, credits, occurred_at, api_key, service_key, price_version, dimensions_hash, reason, hash)
    SELECT no, account, seq, leg, movement, amount, grant_seq, available_after, held_after, recorded_at,
    source, event_id, operation, quantity, credits, occurred_at, api_key, service_key, price_version, dimensions_hash, reason, hash
    FROM entries ORDER BY no;
DROP TABLE entries;
ALTER TABLE entries_with_movements RENAME TO entries;
CREATE UNIQUE INDEX entries_account_seq_key ON entries (account, seq);
-- The name of an event is taken by what is reported: a charge, a hold, or what is owed from the start.
CREATE UNIQUE INDEX entries_source_event_id_key ON entries (source, event_id) WHERE source IS NOT NULL AND movement IN (2, 5, 8);
CREATE INDEX entries_closed_grants ON entries (account, grant_seq) WHERE movement IN (3, 4);
-- What became of a hold or an event.
CREATE INDEX entries_revisions ON entries (account, revises, seq) WHERE revises IS NOT NULL;
-- Holds of an account, and holds that a service made.
CREATE INDEX entries_holds ON entries (account, seq) WHERE deadline IS NOT NULL;
CREATE INDEX entries_holds_of_service ON entries (service_key, no) WHERE deadline IS NOT NULL;

CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries BEGIN SELECT raise(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries BEGIN SELECT raise(ABORT, 'entries are never deleted'); END;

-- Holds that are neither settled nor released; their facts stand in the entries.
CREATE TABLE open_holds (
    account  INTEGER NOT NULL,
    seq      INTEGER NOT NULL,                  -- of leg 0
    legs     INTEGER NOT NULL CONSTRAINT open_holds_legs_positive CHECK (legs > 0),
    deadline INTEGER NOT NULL,
    CONSTRAINT open_holds_pkey PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_holds_deadline ON open_holds (deadline);

ALTER TABLE wallets ADD COLUMN debt INTEGER NOT NULL DEFAULT 0
    CONSTRAINT wallets_debt_countable CHECK (debt BETWEEN 0 AND 9007199254740991);
CREATE INDEX wallets_in_debt ON wallets (account) WHERE debt > 0;

ALTER TABLE grants ADD COLUMN repaid INTEGER NOT NULL DEFAULT 0 CONSTRAINT grants_repaid_within CHECK (repaid BETWEEN 0 AND amount);
ALTER TABLE grants ADD COLUMN void_reason TEXT;
UPDATE grants SET void_reason = (SELECT v.reason FROM entries v
    WHERE v.account = grants.account AND v.grant_seq = grants.seq AND v.movement IN (3, 4) AND v.movement = 4);

ALTER TABLE service_keys ADD COLUMN debt_limit INTEGER CONSTRAINT service_keys_debt_limit_countable
    CHECK (debt_limit BETWEEN 1 AND 9007199254740991); -- NULL: may not let an account owe
