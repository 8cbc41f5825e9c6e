"""`python -m services.recording` is the service; with `probe` it is the second source, which imports far less."""

import sys

import uvloop

from shared.settings import read_settings


def _probe() -> None:
    from services.recording.probe.process import run  # noqa: PLC0415  the service would be most of the probe's memory
    from services.recording.probe.settings import ProbeSettings  # noqa: PLC0415  as above

    uvloop.run(run(read_settings(ProbeSettings)))


def _serve() -> None:
    from services.recording.app import run  # noqa: PLC0415  as above
    from services.recording.settings import RecordingSettings  # noqa: PLC0415  as above

    uvloop.run(run(read_settings(RecordingSettings)))


if __name__ == "__main__":
    (_probe if sys.argv[1:] == ["probe"] else _serve)()
