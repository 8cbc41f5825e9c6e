"""`python -m tools.ops failures|gates|link|outages|report|retry|plan|run|pause|resume|cancel|groups`."""

import json
import sys

from tools.ops.asking import NoAnswer, NotSet, Refused, recording_for
from tools.ops.wording import parser


def main(arguments: list[str]) -> int:
    """Do one command and print its answer; 0 done, 1 refused, 2 no answer."""
    asked = parser().parse_args(arguments)
    try:
        recording = recording_for(asked.url, asked.role, asked.offices, asked.key)
        shown = asked.do(recording, asked)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except (NoAnswer, NotSet) as fault:
        print(fault, file=sys.stderr)
        return 2
    is_page = isinstance(shown.answer, str)
    print(json.dumps(shown.answer, indent=2) if asked.json and not is_page else "\n".join(shown.lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
