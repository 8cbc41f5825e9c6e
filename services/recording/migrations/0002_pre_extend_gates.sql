-- What the gate has learnt about how much the centre can bear. `call_limit` stays the most that an installation allows.
ALTER TABLE gate
    -- A float: after the first loss each success adds a fraction of a call.
    ADD COLUMN allowed float8 NOT NULL DEFAULT 4 CHECK (allowed >= 1),
    -- Every success adds a whole call until the first loss.
    ADD COLUMN is_starting boolean NOT NULL DEFAULT true,
    -- Nothing has succeeded since the last cut.
    ADD COLUMN is_dry boolean NOT NULL DEFAULT false,
    -- Losses of calls begun before it cut nothing again.
    ADD COLUMN cut_at timestamptz,
    -- When a claim last left no room: only then does a success tell that more would have been borne.
    ADD COLUMN filled_at timestamptz,
    -- Recordings and calls that the centre failed in a row: at a limit of one they hold the gate.
    ADD COLUMN broken uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN losses int NOT NULL DEFAULT 0,
    -- Real calls that failed right after an answered probe, in a row: the rest before the next probe grows with them.
    ADD COLUMN relapses int NOT NULL DEFAULT 0,
    -- The centre's own Retry-After.
    ADD COLUMN not_before timestamptz,
    -- At most one probe at a time: until then it is under way, or its process died.
    ADD COLUMN probed_until timestamptz,
    -- What an operator ordered: it ends by the database's clock, also when nobody looks.
    ADD COLUMN paused_until timestamptz,
    ADD COLUMN ordered_by text,
    ADD COLUMN reason_code text,
    ADD COLUMN ceiling_per_second float8 CHECK (ceiling_per_second > 0),
    ADD COLUMN ceiling_until timestamptz,
    -- The ceiling's token bucket.
    ADD COLUMN ceiling_tokens float8 NOT NULL DEFAULT 0,
    ADD COLUMN ceiling_counted_at timestamptz;
UPDATE gate SET allowed = least(allowed, call_limit);

-- Sampled shares of what waits: to count hundreds of thousands of rows every few seconds costs more than to work.
CREATE STATISTICS stage_shares (mcv) ON state, operation, stage, lane FROM stage;
