-- A text of 2 000 characters can be longer than what an index holds: it is known by its hash.
ALTER TABLE problem_reports DROP CONSTRAINT problem_reports_text_key;
CREATE UNIQUE INDEX problem_reports_text_key ON problem_reports (account, seq, md5(text));
