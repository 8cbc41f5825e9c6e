-- What the second source saw, one row a round; pruned after some days. The id is a UUIDv7: the newest round is the
-- last of the primary key, and pruning is a range of it.
CREATE TABLE probe_round (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    began_at timestamptz NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    centre_answered boolean NOT NULL,
    cause text,
    phase text,
    error text,
    because text NOT NULL DEFAULT '',
    evidence jsonb NOT NULL,
    neutral_reached boolean,
    neutral jsonb NOT NULL DEFAULT '[]',
    second_way_answered boolean,
    second_way jsonb
);

-- Only one probe is active; another takes over when this has run out.
CREATE TABLE probe_lease (
    place int PRIMARY KEY DEFAULT 1 CHECK (place = 1),
    holder text NOT NULL,
    leased_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The verdict per operation, written when it changes or its expiry nears; an expired row says nothing.
CREATE TABLE link (
    operation text PRIMARY KEY,
    verdict text NOT NULL,
    owner text NOT NULL,
    since timestamptz NOT NULL,
    confidence text NOT NULL,
    sources text[] NOT NULL,
    evidence jsonb NOT NULL,
    last_failed_at timestamptz,
    checked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK (verdict IN ('fine', 'network', 'server', 'local', 'undetermined'))
) WITH (fillfactor = 50);

CREATE TABLE outage (
    id uuid PRIMARY KEY,
    -- 'merged': it turned out to be the fault of an older one, which goes on for both.
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'merged')),
    cause text NOT NULL CHECK (cause IN ('network', 'server')),
    owner text NOT NULL,
    confidence text NOT NULL,
    operations text[] NOT NULL,
    since timestamptz NOT NULL,
    sources text[] NOT NULL,
    because text NOT NULL,
    witnesses jsonb NOT NULL DEFAULT '{}',
    samples uuid[] NOT NULL DEFAULT '{}',
    offices int NOT NULL DEFAULT 0,
    people int NOT NULL DEFAULT 0,
    last_failed_at timestamptz NOT NULL,
    unclean_at timestamptz NOT NULL,
    told_people int NOT NULL DEFAULT 0,
    told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    closed_at timestamptz,
    merged_into uuid REFERENCES outage,
    next_news_at timestamptz,
    ticket_ref text,
    sequence int NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
-- One fault has one open outage: the second writer of the same fault fails here, whatever its code thinks.
CREATE UNIQUE INDEX outage_open ON outage (cause) WHERE state = 'open';
CREATE INDEX outage_by_since ON outage (since);

CREATE TABLE outage_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outage_id uuid NOT NULL REFERENCES outage,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    said jsonb NOT NULL
);
CREATE INDEX outage_entry_of_outage ON outage_entry (outage_id, id);

-- Failures of the last seconds, by the time in their ids: read twice a second, and nearly always empty.
CREATE INDEX attempt_trouble ON attempt (id) WHERE outcome IN ('failed', 'unknown');
-- The last call of an operation that was answered, well or by a refusal: one step from the end of this index.
CREATE INDEX attempt_answered ON attempt (operation, id) WHERE outcome IN ('done', 'refused');
