"""`python -m tools.contracts [folder]`: write the contracts anew; a golden event that exists is never touched."""

import sys
from pathlib import Path

from tools.contracts.apis import write_apis
from tools.contracts.asyncapi import write_asyncapi
from tools.contracts.golden import write_missing


def main(words: list[str]) -> int:
    """Write everything below the folder and name what is new."""
    folder = Path(words[0]) if words else Path("docs/contracts")
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_asyncapi(folder / "asyncapi.yaml"), *write_apis(folder / "openapi")]
    written += write_missing(folder / "events")
    for file in written:
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
