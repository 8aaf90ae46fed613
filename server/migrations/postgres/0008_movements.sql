-- Holds, debt and corrections: more movements, and what they say.
ALTER TABLE entries
    ADD COLUMN debt_after BIGINT NOT NULL DEFAULT 0 CONSTRAINT entries_debt_countable CHECK (debt_after BETWEEN 0 AND 9007199254740991),
    ADD COLUMN deadline BIGINT,                 -- of a hold
    ADD COLUMN revises BIGINT,                  -- seq of leg 0 of the hold that is closed, or of the event that is corrected
    ADD COLUMN quantity_before BIGINT,
    ADD COLUMN credits_before BIGINT,
    ADD COLUMN correction_id TEXT COLLATE "C",
    DROP CONSTRAINT entries_movement_known,
    DROP CONSTRAINT entries_grant_unless_free,
    DROP CONSTRAINT entries_event_on_leg_0,
    DROP CONSTRAINT entries_reason_of_void,
    ADD CONSTRAINT entries_movement_known CHECK (movement BETWEEN 1 AND 11),
    ADD CONSTRAINT entries_grant_unless_nothing CHECK (grant_seq IS NOT NULL OR movement IN (8, 11) OR amount = 0),
    ADD CONSTRAINT entries_event_on_leg_0 CHECK ((leg = 0 AND movement NOT IN (1, 3, 4, 9)) = (source IS NOT NULL)),
    ADD CONSTRAINT entries_deadline_of_hold CHECK ((movement = 5 AND leg = 0) = (deadline IS NOT NULL)),
    ADD CONSTRAINT entries_revises_whole CHECK (
        (revises IS NULL) = (quantity_before IS NULL) AND (revises IS NULL) = (credits_before IS NULL)
        AND (revises IS NOT NULL OR correction_id IS NULL)),
    ADD CONSTRAINT entries_reason_given CHECK ((movement = 4 OR correction_id IS NOT NULL) = (reason IS NOT NULL));
DROP INDEX entries_source_event_id_key;
-- The name of an event is taken by what is reported: a charge, a hold, or what is owed from the start.
CREATE UNIQUE INDEX entries_source_event_id_key ON entries (source, event_id) WHERE source IS NOT NULL AND movement IN (2, 5, 8);
-- What became of a hold or an event.
CREATE INDEX entries_revisions ON entries (account, revises, seq) WHERE revises IS NOT NULL;
-- Holds of an account, and holds that a service made.
CREATE INDEX entries_holds ON entries (account, seq) WHERE deadline IS NOT NULL;
CREATE INDEX entries_holds_of_service ON entries (service_key, no) WHERE deadline IS NOT NULL;

-- Holds that are neither settled nor released; their facts stand in the entries.
CREATE TABLE open_holds (
    account  BIGINT  NOT NULL,
    seq      BIGINT  NOT NULL,                  -- of leg 0
    legs     BIGINT  NOT NULL CONSTRAINT open_holds_legs_positive CHECK (legs > 0),
    deadline BIGINT  NOT NULL,
    CONSTRAINT open_holds_pkey PRIMARY KEY (account, seq)
);
CREATE INDEX open_holds_deadline ON open_holds (deadline);

ALTER TABLE wallets ADD COLUMN debt BIGINT  NOT NULL DEFAULT 0
    CONSTRAINT wallets_debt_countable CHECK (debt BETWEEN 0 AND 9007199254740991);
CREATE INDEX wallets_in_debt ON wallets (account) WHERE debt > 0;

ALTER TABLE grants ADD COLUMN repaid BIGINT  NOT NULL DEFAULT 0 CONSTRAINT grants_repaid_within CHECK (repaid BETWEEN 0 AND amount);
ALTER TABLE grants ADD COLUMN void_reason TEXT COLLATE "C";

ALTER TABLE service_keys ADD COLUMN debt_limit BIGINT  CONSTRAINT service_keys_debt_limit_countable
    CHECK (debt_limit BETWEEN 1 AND 9007199254740991); -- NULL: may not let an account owe
