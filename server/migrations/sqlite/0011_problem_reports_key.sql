-- Indexes of SQLite hold texts of any length: only Postgres needs another key.
SELECT 1;
