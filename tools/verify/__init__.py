"""Checks the invariants of ARCHITECTURE §8 against a running installation: `make verify`, the demo, the fault tests."""

from tools.verify.result import Result
from tools.verify.seen import Accepted, Outage
from tools.verify.verifying import ALL, verify

__all__ = ["ALL", "Accepted", "Outage", "Result", "verify"]
