"""Plays one case: people wait before the operation, the fault begins, they are let go, and all that is said is kept."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from shared.events.vocabulary import Operation, Owner, Purpose
from tests.chaos.faults.cases import ASK, CHECK, PRINT, SUBMIT, SUKET, Case
from tests.chaos.faults.score import Played
from tests.support.eventually import eventually
from tests.support.recordings import Installation

PEOPLE = 6
REGENCY = "32.16"
_ENOUGH_ATTEMPTS = 2  # a gate holds after two
_CASE_SECONDS = 25.0
_NAMED_SECONDS = 12.0
_LARGE_BYTES = 12_000_000
_BLOCKED_SECONDS = 5.0
_REST_SECONDS = 45.0  # longer than the pool keeps a connection that rests

# What is broken outside all processes: told the case, or None when it ends.
Switch: TypeAlias = Callable[[Case | None], None]


class Play:
    """One installation, case after case; each leaves it well again."""

    def __init__(self, installation: Installation, switch: Switch | None = None) -> None:
        self._installation = installation
        self._switch = switch
        self._office = 0

    async def run(self, case: Case) -> Played:
        """Play one case and give what was said of it."""
        people = await self._wait_before(case.operation, case)
        if case.is_fresh:
            await eventually(self._none_is_open, within=_REST_SECONDS)
        async with _Fault(self._installation, case, self._switch):
            began = time.monotonic()
            since = await self._installation.database.fetchval("SELECT clock_timestamp()")
            await self._pause(case.operation, paused=False)
            await self._strike_us(case)
            seconds, owner = await self._verdict(case, began)
            with suppress(AssertionError):
                await eventually(lambda: self._enough(case, people, since), within=_CASE_SECONDS)
            named, owner = await self._named(case, began) if seconds is not None else (None, owner)
            if case.kind == "clock_off":
                owner = await self._after_a_round(case, since)
            rows = await self._rows(case, people)
        untraced = [told for row in rows if (told := await self._untraced(row))]
        await self._ends(case, people)
        return Played(case, rows, seconds, owner, since, named, tuple(untraced))

    async def held_in_quarantine(self) -> int:
        """Count the events that were set aside."""
        return int(await self._installation.database.fetchval("SELECT count(*) FROM quarantine"))

    async def _wait_before(self, operation: Operation, case: Case) -> list[UUID]:
        """Bring people to just before the operation: its gate is paused by hand meanwhile."""
        await self._pause(operation, paused=True)
        self._office += 1
        offices = [f"{REGENCY}.{(self._office + number) % 23 + 1:02}" for number in range(PEOPLE)]
        purpose = Purpose.SUKET_EXTENSION if operation in (CHECK, SUKET) else Purpose.FIRST_RECORDING
        people = [await self._installation.arrives(purpose, office=office) for office in offices]
        if purpose is Purpose.FIRST_RECORDING:
            for person, office in zip(people, offices, strict=True):
                await self._captured(case, person, office)
        stage = {CHECK: "identity_check", SUBMIT: "submission", ASK: "deduplication", SUKET: "suket_issue"}
        if operation is PRINT:
            await self._installation.blanks(REGENCY, PEOPLE)
        waiting = stage.get(operation, "card_printing")
        await eventually(lambda: self._all_wait(people, waiting), within=30)
        return people

    async def _captured(self, case: Case, person: UUID, office: str) -> None:
        if case.kind == "packet_missing":
            await self._installation.loses_the_packet_of(person, office=office)
        elif case.large:
            await self._installation.is_captured(person, office=office, size=_LARGE_BYTES)
        else:
            await self._installation.is_captured(person, office=office)

    async def _strike_us(self, case: Case) -> None:
        """Stop the service in mid-call: its loop stands still while the centre's answer lies in the socket."""
        if case.kind != "loop_blocked":
            return
        await eventually(self._calls_wait, within=10)
        await asyncio.to_thread(self._installation.stack.pause, "recording")
        await asyncio.sleep(_BLOCKED_SECONDS)  # the fault itself: this long nothing runs
        await asyncio.to_thread(self._installation.stack.resume, "recording")

    async def _none_is_open(self) -> bool:
        """See that no connection to the centre rests in the pool; the probe keeps none."""
        shown = (await self._installation.line.get("/faults")).raise_for_status().json()
        return bool(shown["connections"] == 0)

    async def _calls_wait(self) -> bool:
        in_flight = "SELECT count(*) FROM stage WHERE state = 'in_flight'"
        return bool(await self._installation.database.fetchval(in_flight))

    async def _all_wait(self, people: Sequence[UUID], stage: str) -> bool:
        waiting = "SELECT count(*) FROM stage WHERE recording_id = ANY($1) AND stage = $2 AND state = 'waiting'"
        return bool(await self._installation.database.fetchval(waiting, people, stage) == len(people))

    async def _pause(self, operation: Operation, *, paused: bool) -> None:
        body = {"paused": paused, "minutes": 10, "reason_code": "test"}
        answer = await self._installation.ask("PATCH", f"/gates/{operation}", body=body)
        answer.raise_for_status()

    async def _verdict(self, case: Case, began: float) -> tuple[float | None, Owner]:
        """Wait for the link verdict; the time is taken from the moment the fault began."""
        said: dict[str, Any] = {}

        async def is_right() -> bool:
            said.update(await self._link(case.operation))
            assert said["verdict"] == case.verdict, said
            return True

        if not case.waits_for_verdict:
            return None, Owner((await self._link(case.operation))["owner"] or Owner.UNDETERMINED)
        try:
            await eventually(is_right, within=_CASE_SECONDS)
        except AssertionError:
            return None, Owner(said.get("owner") or Owner.UNDETERMINED)
        return time.monotonic() - began, Owner(said["owner"] or Owner.UNDETERMINED)

    async def _named(self, case: Case, began: float) -> tuple[float | None, Owner]:
        """Wait until the verdict names somebody; one witness alone names nobody."""
        said: dict[str, Any] = {}

        async def is_named() -> bool:
            said.update(await self._link(case.operation))
            return bool(said["owner"] != Owner.UNDETERMINED)

        try:
            await eventually(is_named, within=_NAMED_SECONDS)
        except AssertionError:
            return None, Owner.UNDETERMINED
        return time.monotonic() - began, Owner(said["owner"])

    async def _after_a_round(self, case: Case, since: Any) -> Owner:
        """Wait for what a round of the probe makes of it: whoever is named of any operation then, if only once."""
        made = "SELECT max(at) FROM probe_round WHERE began_at > $1"
        at = await eventually(lambda: self._installation.database.fetchval(made, since), within=_CASE_SECONDS)

        async def weighed() -> list[dict[str, Any]]:
            items = (await self._installation.ask("GET", "/link")).raise_for_status().json()["items"]
            return items if all(datetime.fromisoformat(one["checked_at"]) > at for one in items) else []

        named = {Owner(one["owner"]) for one in await eventually(weighed, within=_CASE_SECONDS)}
        return next(iter(named - {case.owner, Owner.UNDETERMINED}), case.owner)

    async def _link(self, operation: Operation) -> dict[str, Any]:
        items = (await self._installation.ask("GET", "/link")).raise_for_status().json()["items"]
        return next(one for one in items if one["operation"] == operation)

    async def _enough(self, case: Case, people: Sequence[UUID], since: Any) -> bool:  # noqa: ARG002  since bounds the wait
        return len(await self._rows(case, people)) >= _ENOUGH_ATTEMPTS

    async def _rows(self, case: Case, people: Sequence[UUID]) -> list[dict[str, Any]]:
        rows = [row for person in people for row in await self._installation.attempts(person)]
        return [row for row in rows if row["operation"] == case.operation]

    async def _untraced(self, row: dict[str, Any]) -> str | None:
        """One root, linked, in error exactly when a cause is told, opened by its URL; else say what was seen."""
        seen: list[Any] = []

        async def is_so() -> bool:
            answer = await self._installation.traces.get(row["trace_url"], headers={"accept": "application/json"})
            roots = [span for span in answer.raise_for_status().json()["spans"] if span["parent_span_id"] is None]
            seen[:] = [(one["attributes"].get("rekam.cause"), one["status"], len(one["links"])) for one in roots]
            (root,) = roots
            assert root["attributes"].get("rekam.cause") == row["cause"]
            assert (root["status"] == "error") is (row["cause"] is not None)
            assert root["links"]
            return True

        try:
            await eventually(is_so, within=15)
        except AssertionError as problem:
            return f"{row['id']} cause {row['cause']}: roots {seen} ({problem})"
        return None

    async def _ends(self, case: Case, people: Sequence[UUID]) -> None:
        """Let the people through, all gates flow and all verdicts be fine, so that the next case has its own time."""
        installation = self._installation
        await installation.is_well_again()
        await eventually(lambda: self._one_got_through(case, people), within=60)
        await installation.forgets(people)
        await installation.is_well_again()
        await eventually(self._is_fine, within=40)

    async def _one_got_through(self, case: Case, people: Sequence[UUID]) -> bool:
        if case.kind == "packet_missing":
            return True
        rows = await self._rows(case, people)
        failed = max((row["started_at"] for row in rows if row["cause"]), default="")
        return any(row["cause"] is None and row["started_at"] > failed for row in rows)

    async def _is_fine(self) -> bool:
        items = (await self._installation.ask("GET", "/link")).raise_for_status().json()["items"]
        bad = [one for one in items if one["verdict"] not in ("fine", "undetermined")]
        assert not bad, bad
        open_outages = (await self._installation.ask("GET", "/outage-ledger?state=open")).raise_for_status().json()
        assert not open_outages["items"], open_outages["items"]
        return True


class _Fault:
    """The case's fault while the block lasts."""

    def __init__(self, installation: Installation, case: Case, switch: Switch | None) -> None:
        self._installation = installation
        self._case = case
        self._switch = switch

    async def __aenter__(self) -> None:
        case, installation = self._case, self._installation
        body = {"kind": case.kind, **case.how}
        if case.is_of_the_machine:
            await self._switched(case)
        elif case.side == "line":
            (await installation.line.put("/faults", json=body)).raise_for_status()
        elif case.kind == "loop_blocked":
            await installation.goes_wrong(case.operation, "slow", delay=2)
        elif case.side == "centre":
            target = "all" if case.hits_all else case.operation
            (await installation.centre.put(f"/faults/{target}", json=body)).raise_for_status()

    async def __aexit__(self, *_: object) -> None:
        if self._case.is_of_the_machine:
            await self._switched(None)
        (await self._installation.centre.delete("/faults")).raise_for_status()
        (await self._installation.line.delete("/faults")).raise_for_status()

    async def _switched(self, case: Case | None) -> None:
        assert self._switch is not None, "this installation cannot play such a case"
        await asyncio.to_thread(self._switch, case)
