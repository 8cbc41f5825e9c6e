-- One row per recording; `visit` and `progress` are folded from one source each, the other columns follow from them.
CREATE TABLE recording_view (
    recording_id uuid PRIMARY KEY,
    office text NOT NULL DEFAULT '',
    purpose text NOT NULL DEFAULT '',
    created_by text NOT NULL DEFAULT '',
    reference text,
    situation text NOT NULL DEFAULT '',
    situation_line_down text NOT NULL DEFAULT '',
    situation_centre_failing text NOT NULL DEFAULT '',
    ticket_state text NOT NULL DEFAULT '',
    ticket_lane text NOT NULL DEFAULT '',
    ticket_number text NOT NULL DEFAULT '',
    ticket_at timestamptz,
    counter int,
    unsent_since timestamptz,
    opened_at timestamptz,
    ended_at timestamptz,
    changed_at timestamptz,
    messages_heard bigint NOT NULL DEFAULT 0,
    visit jsonb NOT NULL DEFAULT '{}',
    progress jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 80);
CREATE INDEX recording_view_board ON recording_view (office text_pattern_ops, ended_at);

CREATE TABLE gate_view (
    operation text PRIMARY KEY,
    sequence bigint NOT NULL,
    state text NOT NULL,
    gate_limit int NOT NULL,
    cause text,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    shut_since timestamptz
);

CREATE TABLE blank_view (
    regency text PRIMARY KEY,
    sequence bigint NOT NULL,
    stock int NOT NULL,
    changed_at timestamptz NOT NULL
);
