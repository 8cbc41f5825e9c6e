"""The words of the command line."""

from argparse import ArgumentParser
from typing import Any

from shared.events.vocabulary import Cause, GroupRetryState, Operation, Stage
from tools.ops import deciding, reading

_RETRY_REASONS = ("cause_gone", "corrected", "asked_by_centre", "asked_by_resident", "test")
_GATE_REASONS = ("asked_by_centre", "maintenance", "overload", "incident", "cause_gone", "test")
_CAUSE_GONE = "cause_gone"
_ABOUT = """exit status: 0 done; 1 refused by the service; 2 the service does not answer, or the command is wrong.
The token is REKAM_TOKEN, else one of the local issuer for --role and --offices."""


def parser() -> ArgumentParser:
    """Make the parser; each command names in `do` what does it."""
    whole = ArgumentParser(prog="python -m tools.ops", description="Operations of recording by command.", epilog=_ABOUT)
    whole.add_argument("--url", help="address of the recording service; the local stack's when absent")
    whole.add_argument("--role", default="sre", help="role asked of the local issuer: sre, regency (default: sre)")
    whole.add_argument("--offices", default="*", help="offices asked of the local issuer (default: all)")
    whole.add_argument("--key", help="Idempotency-Key of a command that is repeated")
    whole.add_argument("--json", action="store_true", help="print the answer as it came")
    commands = whole.add_subparsers(dest="command", required=True)
    _add_readings(commands)
    _add_gates(commands)
    _add_decisions(commands)
    return whole


def _add_readings(commands: Any) -> None:
    failures = _command(commands, "failures", reading.failures)
    failures.add_argument("--by", choices=("signature", "stage", "cause", "office"), default="signature")
    outages = _command(commands, "outages", reading.outages)
    outages.add_argument("--open", action="store_true", help="only those that are not over")
    outages.add_argument("--since", help="RFC 3339")
    groups = _command(commands, "groups", reading.groups)
    groups.add_argument("group_id", nargs="?")
    groups.add_argument("--state", choices=list(GroupRetryState))
    for listing in (failures, outages, groups):
        listing.add_argument("--limit", type=int, default=50)
    _command(commands, "link", reading.link)
    report = _command(commands, "report", reading.report)
    report.add_argument("outage_id")
    report.add_argument("--html", action="store_true", help="the page to print")


def _add_gates(commands: Any) -> None:
    orders = _command(commands, "gates", reading.gates).add_subparsers(dest="order")
    pause, resume = (_command(orders, name, do) for name, do in _GATE_SWITCHES)
    ceiling = _command(orders, "ceiling", deciding.limit_gate)
    for order in (pause, resume, ceiling):
        order.add_argument("operation", choices=list(Operation))
        order.add_argument("--reason", choices=_GATE_REASONS, required=True)
    for order in (pause, ceiling):
        order.add_argument("--minutes", type=float, default=60, help="it ends by itself (default: 60)")
    ceiling.add_argument("ceiling", type=_rate, metavar="PER_SECOND|none")


def _add_decisions(commands: Any) -> None:
    retry = _command(commands, "retry", deciding.retry)
    retry.add_argument("recording_id")
    retry.add_argument("stage", choices=list(Stage))
    retry.add_argument("--reason", choices=_RETRY_REASONS, required=True)
    plan = _command(commands, "plan", deciding.plan)
    plan.add_argument("--stage", choices=list(Stage))
    plan.add_argument("--cause", choices=list(Cause))
    plan.add_argument("--signature")
    plan.add_argument("--office", help="code, or prefix that ends at a dot")
    plan.add_argument("--state", choices=("parked", "waiting"), default="parked")
    run = _command(commands, "run", deciding.run)
    run.add_argument("plan_id")
    for decision in (plan, run):
        decision.add_argument("--reason", choices=_RETRY_REASONS, default=_CAUSE_GONE)
    for decision in (retry, plan, run):
        decision.add_argument("--note", help="without numbers of people")
    for name in ("pause", "resume", "cancel"):
        _command(commands, name, deciding.steer).add_argument("group_id")


def _command(commands: Any, name: str, do: Any) -> ArgumentParser:
    made: ArgumentParser = commands.add_parser(name, help=do.__doc__, description=do.__doc__)
    made.set_defaults(do=do)
    return made


def _rate(text: str) -> float | None:
    return None if text == "none" else float(text)


_GATE_SWITCHES = (("pause", deciding.pause_gate), ("resume", deciding.resume_gate))
