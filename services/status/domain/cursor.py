"""Where a reader stands in the event log: opaque to others, an epoch and a position to us."""

import base64
import binascii
import struct
from dataclasses import dataclass

_FORM = struct.Struct(">BQQ")
_VERSION = 1


class MalformedCursor(Exception):
    """The text was never a cursor of ours."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """All events up to `position` of `epoch` were read; a rebuild begins a new epoch."""

    epoch: int
    position: int

    def text(self) -> str:
        """Write the cursor for others."""
        return base64.urlsafe_b64encode(_FORM.pack(_VERSION, self.epoch, self.position)).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Read a cursor that came back; raises `MalformedCursor`."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            version, epoch, position = _FORM.unpack(raw)
        except (binascii.Error, struct.error, ValueError):
            raise MalformedCursor from None
        cursor = cls(epoch, position)
        if version != _VERSION or max(epoch, position) >= 1 << 63 or cursor.text() != text:
            raise MalformedCursor
        return cursor
