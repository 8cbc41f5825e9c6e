-- A person is a random reference; the NIK is here only as an HMAC under a key that is kept outside the database.
CREATE TABLE person (
    key_version int NOT NULL,
    nik_hmac bytea NOT NULL,
    nik_ref uuid NOT NULL DEFAULT gen_random_uuid(),
    PRIMARY KEY (key_version, nik_hmac)
);

CREATE TABLE arrival (
    recording_id uuid PRIMARY KEY,
    nik_ref uuid NOT NULL,
    office text NOT NULL,
    purpose text NOT NULL,
    arrived_at timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    receipt_code text NOT NULL CONSTRAINT arrival_receipt UNIQUE,
    check_hmac text NOT NULL,
    identity_version int NOT NULL,
    identity_segment text NOT NULL,
    identity_dataref text NOT NULL,
    identity_digest text NOT NULL,
    leaves_on date,
    card_not_before date,
    reference text,
    paper_number text,
    beside_reason text,
    warnings text[] NOT NULL,
    created_by text NOT NULL,
    is_open boolean NOT NULL DEFAULT true,
    packet_version int NOT NULL DEFAULT 0,
    ticket_id uuid NOT NULL,
    sequence bigint NOT NULL,
    progress jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 80);
CREATE INDEX arrival_open ON arrival (nik_ref) WHERE is_open;
CREATE INDEX arrival_segment ON arrival (identity_segment);

CREATE TABLE capture (
    recording_id uuid NOT NULL REFERENCES arrival,
    packet_version int NOT NULL,
    dataref text NOT NULL,
    digest text NOT NULL,
    size bigint NOT NULL,
    captured_at timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL,
    manifest jsonb NOT NULL,
    quality jsonb NOT NULL,
    PRIMARY KEY (recording_id, packet_version)
);
CREATE INDEX capture_dataref ON capture (dataref);
