CREATE TABLE ticket (
    id uuid PRIMARY KEY,
    recording_id uuid NOT NULL,
    office text NOT NULL,
    day date NOT NULL,
    number text NOT NULL,
    lane text NOT NULL,
    state text NOT NULL,
    waiting_since timestamptz NOT NULL,
    counter int,
    valid_until date,
    before jsonb,
    UNIQUE (office, day, number)
) WITH (fillfactor = 70);
CREATE INDEX ticket_open ON ticket (office, state, waiting_since) WHERE state IN ('waiting', 'called', 'kept');
CREATE INDEX ticket_recording ON ticket (recording_id);

CREATE TABLE ticket_number (
    office text NOT NULL,
    day date NOT NULL,
    lane text NOT NULL,
    last int NOT NULL,
    PRIMARY KEY (office, day, lane)
) WITH (fillfactor = 50);

-- Whose turn it is among the lanes; its lock makes the calls of one office follow each other.
CREATE TABLE queue_turn (
    office text PRIMARY KEY,
    turn int NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE access_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    client_id text NOT NULL,
    action text NOT NULL,
    offices text[] NOT NULL,
    recording_ids uuid[] NOT NULL,
    trace_id text NOT NULL
);
