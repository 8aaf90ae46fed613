-- Dimensions that consumption is counted by, as the configuration declares them. Until one is complete its rollups are being
-- made from the books, and count for nothing.
CREATE TABLE usage_dimensions (
    name        TEXT COLLATE "C"    NOT NULL CONSTRAINT usage_dimensions_name_length CHECK (length(name) BETWEEN 1 AND 64),
    is_complete BIGINT  NOT NULL CONSTRAINT usage_dimensions_is_complete_bool CHECK (is_complete IN (0, 1)),
    CONSTRAINT usage_dimensions_pkey PRIMARY KEY (name)
);

-- Consumption as in rollups, of events that have the dimension. What an account's day has no name for is 'other'.
CREATE TABLE dimension_rollups (
    account   BIGINT  NOT NULL,
    dimension TEXT COLLATE "C"    NOT NULL,
    bucket    BIGINT  NOT NULL,
    operation TEXT COLLATE "C"    NOT NULL,
    api_key   TEXT COLLATE "C"    NOT NULL,                 -- '': reported without one
    value     TEXT COLLATE "C"    NOT NULL CONSTRAINT dimension_rollups_value_said CHECK (value <> ''),
    credits   BIGINT  NOT NULL CONSTRAINT dimension_rollups_credits_countable CHECK (credits BETWEEN 0 AND 9007199254740991),
    quantity  BIGINT  NOT NULL CONSTRAINT dimension_rollups_quantity_positive CHECK (quantity >= 0),
    count     BIGINT  NOT NULL CONSTRAINT dimension_rollups_count_positive CHECK (count > 0),
    CONSTRAINT dimension_rollups_pkey PRIMARY KEY (account, dimension, bucket, operation, api_key, value)
);
