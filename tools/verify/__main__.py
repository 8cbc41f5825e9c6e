"""`python -m tools.verify`: check the invariants of the running installation, one line each; 0 when all hold."""

import argparse
import asyncio
import sys
from pathlib import Path

from tools.local.endpoints import Endpoints
from tools.local.places import endpoints_file, run_folder
from tools.verify.verifying import ALL, verify


def main(arguments: list[str]) -> int:
    """Print one line per invariant."""
    asked = _parser().parse_args(arguments)
    if not asked.endpoints.exists():
        print(f"{asked.endpoints} is absent: run `make up` first", file=sys.stderr)
        return 2
    folder = asked.folder if asked.folder.is_dir() else None
    markers = _markers(asked.markers) if asked.markers else ()
    results = asyncio.run(
        verify(Endpoints.read(asked.endpoints), folder=folder, only=asked.only or None, markers=markers)
    )
    for result in results:
        print("\n".join(result.lines()))
    return 0 if all(result.is_ok for result in results) else 1


def _markers(file: Path) -> tuple[bytes, ...]:
    return tuple(line for line in file.read_bytes().splitlines() if line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.verify", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*ALL, []], help="invariants to check, all by default")
    parser.add_argument("--endpoints", type=Path, default=endpoints_file(), help="addresses file")
    parser.add_argument("--folder", type=Path, default=run_folder(), help="run folder: packet store, logs, spans")
    parser.add_argument("--markers", type=Path, help="file of texts about people, one a line, searched for by I10")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
