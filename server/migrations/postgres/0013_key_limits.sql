-- What a key may spend in a period, which key it was made with, and which one it replaces; how many requests an account may
-- make; which service keys are one service's.
ALTER TABLE api_keys ADD COLUMN limit_credits BIGINT
    CONSTRAINT api_keys_limit_countable CHECK (limit_credits BETWEEN 1 AND 9007199254740991);
ALTER TABLE api_keys ADD COLUMN limit_period TEXT COLLATE "C"
    CONSTRAINT api_keys_limit_period_known CHECK (limit_period IN ('day', 'week', 'month'));
ALTER TABLE api_keys ADD COLUMN limit_mode TEXT COLLATE "C"
    CONSTRAINT api_keys_limit_mode_known CHECK (limit_mode IN ('hard', 'notify'))
    CONSTRAINT api_keys_limit_whole CHECK (
        (limit_mode IS NULL) = (limit_credits IS NULL) AND (limit_mode IS NULL) = (limit_period IS NULL));
ALTER TABLE api_keys ADD COLUMN made_with TEXT COLLATE "C"          -- NULL: on a page or by an operator
    CONSTRAINT api_keys_made_with_fkey REFERENCES api_keys (id);
ALTER TABLE api_keys ADD COLUMN replaces TEXT COLLATE "C"           -- the key of which this one is the successor
    CONSTRAINT api_keys_replaces_fkey REFERENCES api_keys (id);
ALTER TABLE api_keys ADD COLUMN line TEXT COLLATE "C"               -- the first of the keys that replaced each other; NULL: this one
    CONSTRAINT api_keys_line_fkey REFERENCES api_keys (id)
    CONSTRAINT api_keys_line_of_successors CHECK ((line IS NULL) = (replaces IS NULL));
ALTER TABLE api_keys ADD COLUMN by_operator BIGINT NOT NULL DEFAULT 0
    CONSTRAINT api_keys_by_operator_bool CHECK (by_operator IN (0, 1));
CREATE UNIQUE INDEX api_keys_replaces_key ON api_keys (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX api_keys_made_with ON api_keys (made_with) WHERE made_with IS NOT NULL;
CREATE INDEX api_keys_hard_limits ON api_keys (account) WHERE limit_mode = 'hard';

ALTER TABLE accounts ADD COLUMN tier TEXT COLLATE "C"               -- NULL: of no plan
    CONSTRAINT accounts_tier_known CHECK (tier IN ('basic', 'pro'));

-- The first of the service keys that replaced each other; NULL: this one.
ALTER TABLE service_keys ADD COLUMN line TEXT COLLATE "C"
    CONSTRAINT service_keys_line_fkey REFERENCES service_keys (id);
CREATE INDEX service_keys_line ON service_keys (line) WHERE line IS NOT NULL;
