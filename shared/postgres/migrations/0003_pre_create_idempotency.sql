-- First answers of POSTs, repeated for the same key (shared/postgres/idempotency.py).
CREATE TABLE idempotency (
    client text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    body bytea NOT NULL,
    location text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client, key)
);
