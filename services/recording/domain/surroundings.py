"""What other witnesses said of the line lately: what a single call cannot know by itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """At most ten seconds old; absent means that nobody knows. The witness is `python -m services.recording probe`."""

    neutral_reached: bool | None = None  # a target that is not the centre's, by the same access line
    centre_answered: bool | None = None  # a probe by another process, by the same line
    second_way_answered: bool | None = None  # the centre, by another line than ours
    clock_off_seconds: float = 0.0  # our clock against the database's
    seconds_old: float = 0.0  # how long ago the oldest of the first three was seen


NOBODY_KNOWS = Surroundings()
