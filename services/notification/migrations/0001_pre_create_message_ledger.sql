-- What is known of a recording, folded per source; `said` numbers what we say of it, 1..n without a hole.
CREATE TABLE journey (
    recording_id uuid PRIMARY KEY,
    office text NOT NULL DEFAULT '',
    visit jsonb NOT NULL DEFAULT '{}',
    progress jsonb NOT NULL DEFAULT '{}',
    said bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

-- How a person wants to be told, sealed as it came; a withdrawn one keeps its row, so that an older one cannot return.
CREATE TABLE contact (
    recording_id uuid PRIMARY KEY,
    office text NOT NULL,
    sealed text,
    label_version int NOT NULL,
    changed_at timestamptz NOT NULL
);

-- One notice per person, fact and channel; the row exists before anything is sent.
CREATE TABLE message (
    id uuid PRIMARY KEY,
    recording_id uuid NOT NULL,
    office text NOT NULL,
    situation text NOT NULL,
    channel text NOT NULL,
    fact text NOT NULL,
    template text NOT NULL,
    template_version int NOT NULL,
    said_in jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('created', 'sending', 'sent', 'delivered', 'permanent_failure',
        'temporary_failure', 'technical_failure', 'suppressed')),
    reason text,
    attempts int NOT NULL DEFAULT 0,
    due_at timestamptz,
    lease_token uuid,
    leased_until timestamptz,
    traceparent text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    UNIQUE (recording_id, situation, channel, fact)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX message_due ON message (channel, due_at) WHERE state IN ('created', 'temporary_failure');
CREATE INDEX message_leased ON message (channel, leased_until) WHERE state = 'sending';

CREATE TABLE channel (
    name text PRIMARY KEY,
    is_enabled boolean NOT NULL,
    reason_code text,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO channel (name, is_enabled, changed_by) VALUES ('email', true, 'installation');
