-- Who there is: accounts own wallets, users are people and members of accounts. Times are microseconds since 1970, UTC.
CREATE TABLE accounts (
    no         INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL CONSTRAINT accounts_id_key UNIQUE,
    name       TEXT    NOT NULL,
    time_zone  TEXT    NOT NULL DEFAULT 'UTC',
    status     TEXT    NOT NULL DEFAULT 'active' CONSTRAINT accounts_status_known CHECK (status IN ('active', 'suspended')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id               TEXT    NOT NULL CONSTRAINT users_pkey PRIMARY KEY,
    email            TEXT    NOT NULL CONSTRAINT users_email_key UNIQUE,  -- lower case
    name             TEXT    NOT NULL,
    user_name        TEXT    NOT NULL CONSTRAINT users_user_name_key UNIQUE,  -- lower case
    password_hash    TEXT,                      -- PHC string; NULL: no password
    verified_at      INTEGER,                   -- NULL: the e-mail is not verified
    is_operator      INTEGER NOT NULL DEFAULT 0 CONSTRAINT users_is_operator_bool CHECK (is_operator IN (0, 1)),
    personal_account INTEGER NOT NULL CONSTRAINT users_personal_account_key UNIQUE
                     CONSTRAINT users_personal_account_fkey REFERENCES accounts (no),
    created_at       INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
    account INTEGER NOT NULL CONSTRAINT memberships_account_fkey REFERENCES accounts (no),
    user_id TEXT    NOT NULL CONSTRAINT memberships_user_fkey REFERENCES users (id),
    role    TEXT    NOT NULL CONSTRAINT memberships_role_known CHECK (role IN ('owner')),
    CONSTRAINT memberships_pkey PRIMARY KEY (account, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash   BLOB    NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY CONSTRAINT sessions_hash_length CHECK (length(token_hash) = 32),
    user_id      TEXT    NOT NULL CONSTRAINT sessions_user_fkey REFERENCES users (id),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user_id ON sessions (user_id);

-- A customer's keys. The secret is high-entropy, so a plain SHA-256 hides it.
CREATE TABLE api_keys (
    id           TEXT    NOT NULL CONSTRAINT api_keys_pkey PRIMARY KEY,
    account      INTEGER NOT NULL CONSTRAINT api_keys_account_fkey REFERENCES accounts (no),
    user_id      TEXT    NOT NULL CONSTRAINT api_keys_user_fkey REFERENCES users (id),
    name         TEXT    NOT NULL,
    secret_hash  BLOB    NOT NULL CONSTRAINT api_keys_secret_hash_key UNIQUE CONSTRAINT api_keys_hash_length CHECK (length(secret_hash) = 32),
    key_prefix   TEXT    NOT NULL,
    key_suffix   TEXT    NOT NULL,
    permission   TEXT    NOT NULL CONSTRAINT api_keys_permission_known CHECK (permission IN ('read_only', 'read_write')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX api_keys_account ON api_keys (account, created_at);

-- Requests per key and hour, for the key's own usage figures.
CREATE TABLE api_key_requests (
    key_id TEXT    NOT NULL CONSTRAINT api_key_requests_key_fkey REFERENCES api_keys (id),
    hour   INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    CONSTRAINT api_key_requests_pkey PRIMARY KEY (key_id, hour)
) STRICT, WITHOUT ROWID;

-- The platform's own services.
CREATE TABLE service_keys (
    id           TEXT    NOT NULL CONSTRAINT service_keys_pkey PRIMARY KEY,
    name         TEXT    NOT NULL,
    secret_hash  BLOB    NOT NULL CONSTRAINT service_keys_secret_hash_key UNIQUE CONSTRAINT service_keys_hash_length CHECK (length(secret_hash) = 32),
    key_prefix   TEXT    NOT NULL,
    key_suffix   TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,              -- words of check, charge, hold, correct, separated by one space
    source       TEXT,                          -- NULL: may report for any source
    created_at   INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT;
