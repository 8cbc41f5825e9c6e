CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    bucket smallint NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    headers bytea NOT NULL,
    value bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bucket, id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE outbox_lease (
    bucket smallint PRIMARY KEY,
    token uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
