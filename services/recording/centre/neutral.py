"""Targets that are not the centre's: whether they are reached tells our access line from the centre's own trouble."""

from functools import lru_cache

from services.recording.centre.evidence import Evidence, Trail
from services.recording.centre.failures import Interrupted, error_name
from services.recording.centre.reaching import connected
from services.recording.centre.resolving import Resolver


async def reach(host: str, port: int, *, seconds: float) -> Evidence:
    """Connect and hang up: reached when `error` is absent, `phases_ms["connect"]` says how fast; never raises."""
    trail = Trail()
    error: str | None = None
    try:
        (await connected(_resolver(host, port), trail, trail.started + seconds)).close()
    except Interrupted as why:
        error = why.error
    except (OSError, ValueError) as fault:  # a socket of our own that cannot be had, or an address that is none
        error = error_name(fault)
    return trail.evidence(error, 0.0)[0]


@lru_cache(maxsize=64)
def _resolver(host: str, port: int) -> Resolver:
    """Keep one for each target, so that a hung look-up takes one thread however often it is asked for."""
    return Resolver(host, port)
