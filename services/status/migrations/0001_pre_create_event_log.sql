-- Position order is commit order: `event_head` is locked by the last statements of every transaction that writes.
CREATE TABLE event_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 50);
-- The epoch differs between databases, so that a cursor of another installation is told apart.
INSERT INTO event_head (epoch, position) VALUES ((extract(epoch FROM clock_timestamp()) * 1000)::bigint, 0);

CREATE TABLE event_log (
    position bigint PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    source text NOT NULL,
    key text NOT NULL,
    recording_id uuid, -- the key again, where it is a recording's
    office text NOT NULL,
    sequence bigint NOT NULL,
    time timestamptz NOT NULL,
    traceparent text NOT NULL,
    data bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX event_log_key ON event_log (key, position);
