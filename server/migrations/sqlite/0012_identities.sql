-- Ways in by a provider: who somebody is there (an issuer, and its own name for them) is one user here.
CREATE TABLE identities (
    issuer       TEXT    NOT NULL,  -- an OpenID Connect issuer, or where GitHub asks people
    subject      TEXT    NOT NULL,  -- never changes and is given to nobody else
    user_id      TEXT    NOT NULL CONSTRAINT identities_user_fkey REFERENCES users (id),
    label        TEXT    NOT NULL,  -- what they are called there, to be recognised by; changes
    linked_at    INTEGER NOT NULL,
    last_used_at INTEGER,           -- NULL: linked, and not signed in with yet
    CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user_id ON identities (user_id);

-- Browsers that were sent to a provider and may come back once, soon. What the provider is told is made of the browser's
-- cookie, so that nothing here opens anything.
CREATE TABLE provider_rounds (
    state_hash   BLOB    NOT NULL CONSTRAINT provider_rounds_pkey PRIMARY KEY
                 CONSTRAINT provider_rounds_state_length CHECK (length(state_hash) = 32),
    browser_hash BLOB    NOT NULL CONSTRAINT provider_rounds_browser_length CHECK (length(browser_hash) = 32),
    provider     TEXT    NOT NULL,
    purpose      TEXT    NOT NULL CONSTRAINT provider_rounds_purpose_known CHECK (purpose IN ('sign_in', 'link', 'confirm')),
    user_id      TEXT,              -- who was signed in; gone users' rounds just end
    next         TEXT    NOT NULL,  -- where it leads, a path of this site
    time_zone    TEXT    NOT NULL,  -- the browser's, for an account that may be made
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    CONSTRAINT provider_rounds_for_somebody CHECK ((user_id IS NULL) = (purpose = 'sign_in')),
    CONSTRAINT provider_rounds_expire_later CHECK (expires_at > created_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX provider_rounds_expires_at ON provider_rounds (expires_at);
