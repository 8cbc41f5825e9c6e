"""`python -m tools.local up|down|run|status|env|fetch`: the stack at the documented ports."""

import argparse
import sys

from tools.local import commands


def main() -> int:
    """Obey the command line."""
    words = argparse.ArgumentParser(prog="python -m tools.local", description="The local stack of Rekam.")
    verbs = words.add_subparsers(dest="verb", required=True)
    for verb, does in (
        ("up", "start everything in the background and return when all is ready"),
        ("down", "stop it"),
        ("run", "start everything and stay in the foreground until Ctrl-C"),
        ("status", "say what runs"),
        ("fetch", "fetch what a start needs from the network"),
    ):
        verbs.add_parser(verb, help=does)
    env = verbs.add_parser("env", help="print a process's environment, to be evaluated by a shell")
    env.add_argument("name", help="intake, recording, notification, status or a tool")
    for verb in ("up", "run"):
        only = "start only these, separated by commas (default: everything)"
        verbs.choices[verb].add_argument("--only", help=only)
    asked = words.parse_args()
    match asked.verb:
        case "up":
            return commands.up(asked.only)
        case "run":
            return commands.run(asked.only)
        case "env":
            return commands.env(asked.name)
        case other:
            return {"down": commands.down, "status": commands.status, "fetch": commands.fetch}[other]()


if __name__ == "__main__":
    sys.exit(main())
