-- What a correction replaced, and why; the replaced bytes stay sealed in the store, for the centre alone to open.
CREATE TABLE correction (
    recording_id uuid NOT NULL REFERENCES arrival,
    identity_version int NOT NULL,
    reason_code text NOT NULL,
    note text,
    corrected_by text NOT NULL,
    corrected_at timestamptz NOT NULL DEFAULT now(),
    replaced_segment text NOT NULL,
    replaced_dataref text NOT NULL,
    replaced_digest text NOT NULL,
    PRIMARY KEY (recording_id, identity_version)
);
-- The sweep asks of every old segment whether a row still names it.
CREATE INDEX correction_segment ON correction (replaced_segment);
