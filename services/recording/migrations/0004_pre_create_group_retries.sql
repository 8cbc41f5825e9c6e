-- A retry of many stages at once. A dry run is a row that nobody has started yet (state planned).
CREATE TABLE group_retry (
    id uuid PRIMARY KEY,
    state text NOT NULL DEFAULT 'planned',
    filter jsonb NOT NULL,
    -- Stages it takes: parked ones are resumed, waiting ones only brought forward.
    takes text NOT NULL,
    reason_code text NOT NULL,
    requested_by text NOT NULL,
    -- Of its items, so that who may not see one of these offices does not see the group.
    offices text[] NOT NULL DEFAULT '{}',
    operations text[] NOT NULL DEFAULT '{}',
    total int NOT NULL DEFAULT 0,
    wave int NOT NULL DEFAULT 0,
    -- Good waves in a row, this one included: the size of the next wave; 0 after a pause.
    ramp int NOT NULL DEFAULT 0,
    paused_because text,
    paused_signature text,
    paused_by text,
    sequence int NOT NULL DEFAULT 0,
    traceparent text NOT NULL DEFAULT '',
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (state IN ('planned', 'running', 'paused', 'completed', 'cancelled')),
    CHECK (takes IN ('parked', 'waiting'))
) WITH (fillfactor = 70);
-- The loop looks every second or oftener for what runs; nearly always that is nothing.
CREATE INDEX group_retry_running ON group_retry (id) WHERE state = 'running';
-- Plans that nobody started are forgotten by their age.
CREATE INDEX group_retry_planned ON group_retry (made_at) WHERE state = 'planned';

CREATE TABLE group_retry_item (
    group_id uuid NOT NULL REFERENCES group_retry ON DELETE CASCADE,
    recording_id uuid NOT NULL,
    stage text NOT NULL,
    office text NOT NULL,
    operation text NOT NULL,
    -- As they were when the id was frozen: who differs since has been in other hands.
    attempts_before int NOT NULL,
    identity_version int NOT NULL,
    state text NOT NULL DEFAULT 'requested',
    wave int,
    -- Why a running item does not count in its wave: it waits for the line, an ask, or the centre's own work.
    deferred text,
    because text,
    signature text,
    PRIMARY KEY (group_id, recording_id, stage),
    CHECK (state IN ('requested', 'running', 'done', 'failed_again', 'skipped')),
    CHECK (deferred IN ('link', 'ask', 'checking'))
) WITH (fillfactor = 80);
-- Next wave, counts by state, items listed by state.
CREATE INDEX group_retry_item_by_state ON group_retry_item (group_id, state, recording_id, stage);
-- Is anybody left whose gate flows? Asked every turn, also while a hundred thousand wait for the line.
CREATE INDEX group_retry_item_ready ON group_retry_item (group_id, operation) WHERE state = 'requested';
-- What is asked every turn: is anything of this wave still to be heard of, and what came of the rest.
CREATE INDEX group_retry_item_by_wave ON group_retry_item (group_id, wave, state, deferred);

-- Whose item an attempt settles, in the transaction that accepts its outcome.
ALTER TABLE stage ADD COLUMN group_id uuid;
-- Freezing a plan walks all parked stages in chunks; they are few beside those done.
CREATE INDEX stage_parked_in_order ON stage (recording_id, stage) WHERE state = 'parked';
