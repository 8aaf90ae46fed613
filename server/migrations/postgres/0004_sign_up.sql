-- Signing up. An e-mail is only claimed until somebody has followed a link that was sent there, and any number of people
-- may claim the same one: each claim is a user of its own, with its own password, account and sessions. Whoever follows a
-- claim's link owns the address from then on, so nothing that a stranger typed is in force for the owner of the mailbox,
-- and signing up looks the same whether or not the address is known.
--
-- Until then `email`, which is unique, holds the user's id, which is no address.
ALTER TABLE users ADD COLUMN claimed_email TEXT COLLATE "C"  -- lower case; NULL: `email` is the address
    CONSTRAINT users_claim_unverified CHECK (claimed_email IS NULL OR (verified_at IS NULL AND email = id));
-- The form that was sent: sent again, it is the same user. SHA-256 of what the form calls itself.
ALTER TABLE users ADD COLUMN sign_up_form BYTEA CONSTRAINT users_form_length CHECK (length(sign_up_form) = 32);
-- Since when the credits for signing up are owed; set with `verified_at`, NULL once they are in the books.
ALTER TABLE users ADD COLUMN credits_due_at BIGINT
    CONSTRAINT users_credits_once_verified CHECK (credits_due_at IS NULL OR verified_at IS NOT NULL);
CREATE INDEX users_claimed_email ON users (claimed_email) WHERE claimed_email IS NOT NULL;
CREATE UNIQUE INDEX users_sign_up_form_key ON users (sign_up_form) WHERE sign_up_form IS NOT NULL;
CREATE INDEX users_credits_due ON users (credits_due_at) WHERE credits_due_at IS NOT NULL;

-- Links that open something once. The token in a link is high-entropy, so a plain SHA-256 hides it.
CREATE TABLE one_time_links (
    token_hash BYTEA    NOT NULL CONSTRAINT one_time_links_pkey PRIMARY KEY
               CONSTRAINT one_time_links_hash_length CHECK (length(token_hash) = 32),
    kind       TEXT COLLATE "C"    NOT NULL CONSTRAINT one_time_links_kind_known CHECK (kind IN ('verify_email', 'reset_password')),
    user_id    TEXT COLLATE "C"    CONSTRAINT one_time_links_user_fkey REFERENCES users (id),  -- NULL: for an address that nobody has; never sent
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL CONSTRAINT one_time_links_expire_later CHECK (expires_at > created_at),
    used_at    BIGINT                           -- followed, or made void by another one that was
);
CREATE INDEX one_time_links_user ON one_time_links (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX one_time_links_expires_at ON one_time_links (expires_at);
