"""What leaves us in an event: never where sealed bytes lie or how a resident is checked, evidence not to agencies."""

from collections.abc import Mapping
from typing import Any

_OURS_ALONE = frozenset({"dataref", "check_hmac"})
_NOT_FOR_AGENCIES = _OURS_ALONE | {"evidence"}


def shown(data: Mapping[str, Any], *, to_agency: bool) -> dict[str, Any]:
    """Give the data that this kind of reader may see."""
    hidden = _NOT_FOR_AGENCIES if to_agency else _OURS_ALONE
    return {name: value for name, value in data.items() if name not in hidden}
