-- What an authenticator app and we both know: one secret for each user at most. Times are microseconds since 1970, UTC.
CREATE TABLE totp_secrets (
    user_id      TEXT COLLATE "C"    NOT NULL CONSTRAINT totp_secrets_pkey PRIMARY KEY
                 CONSTRAINT totp_secrets_user_fkey REFERENCES users (id),
    secret       BYTEA    NOT NULL CONSTRAINT totp_secrets_length CHECK (length(secret) BETWEEN 20 AND 64),
    is_sealed    BIGINT NOT NULL CONSTRAINT totp_secrets_is_sealed_bool CHECK (is_sealed IN (0, 1)),  -- with the key of the settings
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,                      -- NULL: shown, and not in force yet
    last_step    BIGINT NOT NULL DEFAULT 0,   -- of the latest code that counted: neither it nor an earlier one counts again
    failed       BIGINT NOT NULL DEFAULT 0 CONSTRAINT totp_secrets_failed_countable CHECK (failed >= 0)  -- since then
);

-- For who has lost the app: each opens once. Their 120 random bits are hidden by a plain SHA-256.
CREATE TABLE recovery_codes (
    user_id   TEXT COLLATE "C"    NOT NULL CONSTRAINT recovery_codes_user_fkey REFERENCES users (id),
    code_hash BYTEA    NOT NULL CONSTRAINT recovery_codes_hash_length CHECK (length(code_hash) = 32),
    used_at   BIGINT,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code_hash)
);

-- Browsers in which somebody has shown one thing of two. No session: they open nothing but the question for the other one.
CREATE TABLE second_steps (
    browser_hash BYTEA    NOT NULL CONSTRAINT second_steps_pkey PRIMARY KEY
                 CONSTRAINT second_steps_browser_length CHECK (length(browser_hash) = 32),
    user_id      TEXT COLLATE "C"    NOT NULL CONSTRAINT second_steps_user_fkey REFERENCES users (id),
    next         TEXT COLLATE "C"    NOT NULL,             -- where it leads, a path of this site
    tries        BIGINT NOT NULL DEFAULT 0 CONSTRAINT second_steps_tries_countable CHECK (tries >= 0),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    CONSTRAINT second_steps_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX second_steps_user_id ON second_steps (user_id);
CREATE INDEX second_steps_expires_at ON second_steps (expires_at);

-- Keys of people's devices (WebAuthn): the halves that verify.
CREATE TABLE passkeys (
    credential_id BYTEA    NOT NULL CONSTRAINT passkeys_pkey PRIMARY KEY
                  CONSTRAINT passkeys_credential_length CHECK (length(credential_id) BETWEEN 1 AND 1023),
    user_id       TEXT COLLATE "C"    NOT NULL CONSTRAINT passkeys_user_fkey REFERENCES users (id),
    name          TEXT COLLATE "C"    NOT NULL,
    public_key    BYTEA    NOT NULL,            -- SubjectPublicKeyInfo, DER
    counter       BIGINT NOT NULL CONSTRAINT passkeys_counter_countable CHECK (counter BETWEEN 0 AND 4294967295),
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX passkeys_user_id ON passkeys (user_id);

-- What devices know people by: random, so that it says nothing about them.
CREATE TABLE passkey_handles (
    user_id TEXT COLLATE "C" NOT NULL CONSTRAINT passkey_handles_pkey PRIMARY KEY
            CONSTRAINT passkey_handles_user_fkey REFERENCES users (id),
    handle  BYTEA NOT NULL CONSTRAINT passkey_handles_handle_key UNIQUE
            CONSTRAINT passkey_handles_length CHECK (length(handle) = 32)
);

-- Browsers that were given something to sign, once. What it is comes from the browser's cookie, so that nothing here helps anybody.
CREATE TABLE passkey_challenges (
    browser_hash BYTEA    NOT NULL CONSTRAINT passkey_challenges_pkey PRIMARY KEY
                 CONSTRAINT passkey_challenges_browser_length CHECK (length(browser_hash) = 32),
    purpose      TEXT COLLATE "C"    NOT NULL CONSTRAINT passkey_challenges_purpose_known CHECK (purpose IN ('sign_in', 'confirm', 'register')),
    user_id      TEXT COLLATE "C",                         -- who was signed in; gone users' challenges just end
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    CONSTRAINT passkey_challenges_for_somebody CHECK ((user_id IS NULL) = (purpose = 'sign_in')),
    CONSTRAINT passkey_challenges_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);
