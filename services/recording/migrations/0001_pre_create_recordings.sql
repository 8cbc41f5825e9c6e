CREATE TABLE recording (
    id uuid PRIMARY KEY,
    office text NOT NULL,
    purpose text NOT NULL,
    state text NOT NULL DEFAULT 'in_progress',
    created_by text NOT NULL DEFAULT '',
    reference text,
    leaves_on date,
    card_not_before date,
    -- The office that sealed the identity; it is part of the seal, also after the recording has moved.
    sealed_at text NOT NULL,
    identity_ref text NOT NULL,
    identity_digest text NOT NULL,
    identity_version int NOT NULL,
    packet_version int,
    packet_ref text,
    packet_digest text,
    packet_size bigint,
    captured_at timestamptz,
    awaits text,
    print_ready_at timestamptz,
    card_printed_at timestamptz,
    suket_until date,
    arrived_at timestamptz NOT NULL,
    sequence int NOT NULL DEFAULT 0,
    version int NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK (state IN ('in_progress', 'parked', 'completed', 'cancelled')),
    CHECK (awaits IN ('blank', 'birthday'))
) WITH (fillfactor = 80);
CREATE INDEX recording_by_office ON recording (office, changed_at);
CREATE INDEX recording_by_reference ON recording (reference) WHERE reference IS NOT NULL;
-- The published order of printing: first-timers, then first in, first out.
CREATE INDEX recording_print_order ON recording (left(office, 5), (purpose <> 'first_recording'), print_ready_at)
    WHERE awaits = 'blank';
CREATE INDEX recording_birthdays ON recording (card_not_before) WHERE awaits = 'birthday';

CREATE TABLE stage (
    recording_id uuid NOT NULL REFERENCES recording,
    stage text NOT NULL,
    operation text NOT NULL,
    state text NOT NULL DEFAULT 'waiting',
    lane text NOT NULL,
    office text NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now(),
    trigger text NOT NULL DEFAULT 'arrival',
    triggered_by text,
    attempts int NOT NULL DEFAULT 0,
    strikes int NOT NULL DEFAULT 0,
    asks int NOT NULL DEFAULT 0,
    lease_token uuid,
    leased_until timestamptz,
    attempt_id uuid,
    trace_id text,
    span_id text,
    started_at timestamptz,
    first_failed_at timestamptz,
    last_failure jsonb,
    signature text,
    who_must_act text,
    caused_by text NOT NULL DEFAULT '',
    previous_attempt text,
    done_at timestamptz,
    PRIMARY KEY (recording_id, stage),
    CHECK (state IN ('waiting', 'in_flight', 'done', 'parked'))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX stage_claim ON stage (operation, lane, office, due_at) WHERE state = 'waiting';
CREATE INDEX stage_next_due ON stage (operation, lane, due_at) WHERE state = 'waiting';
CREATE INDEX stage_leased ON stage (leased_until, operation) WHERE state = 'in_flight';
CREATE INDEX stage_parked ON stage (signature) WHERE state = 'parked';

-- Append-only; partitioned by the time inside the attempt's UUIDv7.
CREATE TABLE attempt (
    id uuid NOT NULL,
    recording_id uuid NOT NULL,
    stage text NOT NULL,
    office text NOT NULL,
    number int NOT NULL,
    trigger text NOT NULL,
    triggered_by text,
    operation text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms float8 NOT NULL,
    outcome text NOT NULL,
    cause text,
    effect text NOT NULL,
    owner text,
    phase_reached text,
    phase_failed text,
    evidence jsonb NOT NULL,
    next jsonb,
    signature text,
    trace_id text NOT NULL,
    span_id text NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX attempt_of_recording ON attempt (recording_id, started_at);
CREATE INDEX attempt_failed ON attempt (signature, started_at) WHERE signature IS NOT NULL;

CREATE TABLE gate (
    operation text PRIMARY KEY,
    state text NOT NULL DEFAULT 'flowing',
    call_limit int NOT NULL,
    failing uuid[] NOT NULL DEFAULT '{}',
    cause text,
    probe_at timestamptz,
    since timestamptz NOT NULL DEFAULT now(),
    sequence int NOT NULL DEFAULT 0,
    cursor_traveller text NOT NULL DEFAULT '',
    cursor_today text NOT NULL DEFAULT '',
    cursor_backlog text NOT NULL DEFAULT '',
    CHECK (state IN ('flowing', 'probing', 'holding', 'paused'))
) WITH (fillfactor = 50);

CREATE TABLE blank_stock (
    regency text PRIMARY KEY,
    stock int NOT NULL DEFAULT 0 CHECK (stock >= 0),
    sequence int NOT NULL DEFAULT 0
);
CREATE TABLE blank_movement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    regency text NOT NULL,
    kind text NOT NULL,
    count int NOT NULL,
    stock_after int NOT NULL,
    reason_code text NOT NULL,
    moved_by text NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX blank_movement_by_regency ON blank_movement (regency, id);
