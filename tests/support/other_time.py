"""Another time for processes of ours: libfaketime, told by a file, moves the wall clock and leaves the steady one."""

from dataclasses import dataclass
from pathlib import Path

import pytest

_LIBRARIES = "*/faketime/libfaketimeMT.so.1"


@dataclass(frozen=True, slots=True)
class OtherTime:
    """`environment` is what a process needs; all that have it follow one file, at once."""

    library: Path
    file: Path

    @property
    def environment(self) -> dict[str, str]:
        """Tell a process where the time comes from; monotonic time stays true, or every deadline would break."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "NO_FAKE_STAT": "1",
        }

    def shift(self, days: int) -> None:
        """Let it be so many days later; 0 is the true time."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{days:+d}d\n")
        beside.replace(self.file)


def other_time(folder: Path) -> OtherTime:
    """Make a time that is true at first; where it cannot be had the test is skipped, with the reason."""
    library = next(Path("/usr/lib").glob(_LIBRARIES), None)
    if library is None:
        pytest.skip("no other time: libfaketime is not installed (Debian: faketime)")
    made = OtherTime(library, folder / "time")
    made.shift(0)
    return made
