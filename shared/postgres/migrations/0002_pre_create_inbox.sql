-- Partitioned by the time inside the UUIDv7; `inbox.ensure_partitions` makes the months.
CREATE TABLE inbox (
    event_id uuid NOT NULL,
    consumer text NOT NULL,
    PRIMARY KEY (event_id, consumer)
) PARTITION BY RANGE (event_id);

CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    record_offset bigint NOT NULL,
    key text NOT NULL,
    headers jsonb NOT NULL,
    value bytea,
    error text NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz,
    UNIQUE (consumer, topic, partition, record_offset)
);
CREATE INDEX quarantine_held ON quarantine (consumer, key, topic, partition, record_offset) WHERE replayed_at IS NULL;
