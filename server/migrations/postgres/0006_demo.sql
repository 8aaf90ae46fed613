-- Sample accounts: what `plexe-console demo` made, and what keeps them spending a little while a server runs.
CREATE TABLE demos (
    account      BIGINT  NOT NULL CONSTRAINT demos_pkey PRIMARY KEY CONSTRAINT demos_account_fkey REFERENCES accounts (no),
    service_key  TEXT COLLATE "C"    NOT NULL CONSTRAINT demos_service_key_fkey REFERENCES service_keys (id),
    api_key      TEXT COLLATE "C"    NOT NULL CONSTRAINT demos_api_key_fkey REFERENCES api_keys (id),
    completed_at BIGINT                         -- NULL: the program was ended before the year was whole
);
