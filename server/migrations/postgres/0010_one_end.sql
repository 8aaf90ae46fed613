-- A hold is closed once, and an event has each correction once.
CREATE UNIQUE INDEX entries_closing_key ON entries (account, revises) WHERE revises IS NOT NULL AND movement IN (6, 7);
CREATE UNIQUE INDEX entries_correction_key ON entries (account, revises, correction_id) WHERE correction_id IS NOT NULL;
