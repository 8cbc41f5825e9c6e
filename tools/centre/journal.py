"""The append-only list of every call the centre saw."""

import datetime as dt
from itertools import islice
from typing import Any

from tools.centre.calls import Call
from tools.centre.desk import Done
from tools.centre.register import AppendedFile


class Journal:
    """In memory for the reader, in a file for the next start."""

    def __init__(self, file: AppendedFile) -> None:
        self._file = file
        self._entries: list[dict[str, Any]] = file.lines()

    def write(self, call: Call, done: Done | None, answer: int | str, fault: str | None) -> None:
        """Write down one call, what was answered, and whether it changed anything."""
        entry = {
            "seq": len(self._entries) + 1,
            "at": dt.datetime.now(dt.UTC).isoformat(),
            "operation": call.operation.value,
            "method": call.method,
            "key": call.key,
            "attempt": call.attempt,
            "recording_id": call.recording_id,
            "digest": done.digest if done else None,
            "answer": answer,
            "effect": bool(done and done.has_effect),
            "duplicate_ack": bool(done and done.is_duplicate_ack),
            "packet_version": call.packet_version,
            "fault": fault,
        }
        self._file.append(entry)
        self._entries.append(entry)

    def after(self, seq: int, limit: int, recording_id: str | None = None) -> list[dict[str, Any]]:
        """Return calls in the order seen, after a sequence number."""
        first = max(seq, 0)
        if recording_id is None:
            return self._entries[first : first + limit]
        later = islice(self._entries, first, None)
        return list(islice((entry for entry in later if entry["recording_id"] == recording_id), limit))

    def duplicate_acks(self) -> dict[str, int]:
        """Count per recording how often a key came again."""
        counts: dict[str, int] = {}
        for entry in self._entries:
            if entry["duplicate_ack"]:
                counts[entry["recording_id"]] = counts.get(entry["recording_id"], 0) + 1
        return counts

    def reset(self) -> None:
        """Start again at sequence 1."""
        self._file.empty()
        self._entries.clear()
