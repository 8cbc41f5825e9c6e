"""`python -m services.status` serves; with `rebuild-check` it compares the views with Kafka's history instead."""

import sys
from dataclasses import asdict

import orjson
import uvloop

from services.status import app
from services.status.settings import StatusSettings
from shared.settings import read_settings


def main(words: list[str]) -> int:
    """Serve, or check the rebuild and print it as JSON; 0 when it is the same."""
    match words:
        case []:
            uvloop.run(app.run())
        case ["rebuild-check"]:
            check = uvloop.run(app.check_rebuild(read_settings(StatusSettings)))
            sys.stdout.write(orjson.dumps(asdict(check)).decode() + "\n")
            return 0 if check.live == check.rebuilt else 1
        case _:
            sys.stderr.write("usage: python -m services.status [rebuild-check]\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
