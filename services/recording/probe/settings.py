"""What the probe is told: the same as the recording service, and whom else to ask."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.settings import ServiceSettings

Target = Annotated[str, StringConstraints(pattern=r"^[^\s]+:\d{1,5}$")]


class ProbeSettings(ServiceSettings):
    """Each is `REKAM_<NAME>` in the environment; `REKAM_HTTP_PORT` is the probe's own."""

    centre_url: str = Field(description="Base address of the centre, https, by the line that real calls take.")
    centre_ca_file: Path = Field(description="Certificate authority the centre's certificate must come from.")
    neutral_targets: tuple[Target, ...] = Field(
        (), description="host:port of targets that are not the centre's, reached by the same access line; JSON."
    )
    second_way_url: str = Field("", description="Base address of the centre by another line than ours; empty: none.")
    probe_every_seconds: float = Field(5, gt=0, description="A round at least so often; jitter only shortens it.")
    probe_failing_seconds: float = Field(1, gt=0, description="Rest between rounds while something fails, ± 30 %.")
    probe_deadline_seconds: float = Field(4, ge=4, description="Whole-call deadline of one probe.")
    neutral_deadline_seconds: float = Field(3, gt=0, description="How long to wait for a neutral target.")
    probe_kept_days: float = Field(7, gt=0, description="How long rounds are kept.")
