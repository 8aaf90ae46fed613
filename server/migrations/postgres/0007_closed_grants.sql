-- What became of a grant that has nothing left: expired (3) or voided (4). Few rows, looked up for each list of grants.
CREATE INDEX entries_closed_grants ON entries (account, grant_seq) WHERE movement IN (3, 4);
