"""An operator at a shell, the pages being down: every command against the real recording service."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import PARTS, SETTINGS, Installation, running_installation
from tests.support.serving import free_port
from tools.ops.__main__ import main
from tools.token import fetch_token

FIRST = Purpose.FIRST_RECORDING
Shell = Callable[..., Coroutine[Any, Any, tuple[int, str, str]]]


@pytest.fixture
async def shell(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Type a command; gives the exit status and both outputs."""
    return await _shell_of(installation, monkeypatch, capsys)


async def test_failures_are_counted_by_kind_with_an_example(installation: Installation, shell: Shell) -> None:
    recording = await installation.records(FIRST, serial="0005")
    await installation.becomes(recording, "parked")

    status, out, _ = await shell("failures")
    _, as_json, _ = await shell("--json", "failures", "--by", "cause")

    assert status == 0
    assert out.splitlines()[0].split() == ["COUNT", "WHAT", "OLDEST", "NEWEST", "EXAMPLE"]
    assert re.search(rf"\d+ +identity_check/data/identity_mismatch .*{recording}", out)
    assert "data" in {one["group"] for one in json.loads(as_json)["items"]}


async def test_a_gate_is_paused_limited_and_let_go_from_the_shell(shell: Shell) -> None:
    paused = await shell("gates", "pause", "suket", "--reason", "maintenance", "--minutes", "5")
    _, shown, _ = await shell("gates")
    limited = await shell("gates", "ceiling", "suket", "2.5", "--reason", "overload")
    resumed = await shell("gates", "resume", "suket", "--reason", "cause_gone")
    lifted = await shell("gates", "ceiling", "suket", "none", "--reason", "cause_gone")

    assert [one[0] for one in (paused, limited, resumed, lifted)] == [0, 0, 0, 0], (paused, limited, resumed, lifted)
    assert re.search(r"^suket +paused .* sre:\* ", shown, re.MULTILINE)
    assert "2.5" in limited[1]
    assert "paused" not in resumed[1]
    assert "2.5" not in lifted[1]


async def test_the_link_is_told_per_operation(shell: Shell) -> None:
    status, out, _ = await shell("link")

    assert status == 0
    assert {line.split()[0] for line in out.splitlines()} >= {"OPERATION", "submission", "ask", "suket"}


async def test_one_stage_is_retried(installation: Installation, shell: Shell) -> None:
    recording = await installation.arrives(serial="0005")
    await installation.becomes(recording, "parked")

    done = await shell("retry", str(recording), "identity_check", "--reason", "cause_gone")

    assert (done[0], "is waiting, due now" in done[1]) == (0, True)
    await eventually(lambda: _has_attempts(installation, recording, 2))


async def test_a_group_is_planned_run_and_heard_of(installation: Installation, shell: Shell) -> None:
    office = "33.07.01"
    people = await installation.arrive(3, office=office, serial="0005")
    for one in people:
        await installation.becomes(one, "parked")

    planned = await shell("plan", "--office", office, "--signature", "identity_check/data/identity_mismatch")
    untouched = [len(await installation.attempts(one)) for one in people]
    (plan_id,) = re.findall(r"ops run (\S+)", planned[1])
    ran = await shell("run", plan_id)
    heard = await shell("groups", plan_id)
    cancelled = await shell("cancel", plan_id)

    assert "3 stage(s) at 1 office(s); nothing was touched." in planned[1]
    assert re.search(rf"^{office} +3$", planned[1], re.MULTILINE)
    assert untouched == [1, 1, 1]
    assert [one[0] for one in (planned, ran, heard, cancelled)] == [0, 0, 0, 0]
    assert plan_id in heard[1]
    assert "cancelled" in cancelled[1]


async def test_a_filter_that_nothing_fits_leaves_nothing_to_run(shell: Shell) -> None:
    status, out, _ = await shell("plan", "--signature", "submission/server/never_seen")

    assert (status, "nothing to run" in out) == (0, True)


async def test_an_outage_is_listed_and_its_report_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_installation(SETTINGS, (*PARTS, "probe")) as installation:
        shell = await _shell_of(installation, monkeypatch, capsys)
        none = await shell("outages", "--open")
        (await installation.line.put("/faults", json={"kind": "down"})).raise_for_status()
        await installation.arrive(4)
        outage_id = str(await eventually(lambda: _open_outage(shell), within=30))
        text, page = await shell("report", outage_id), await shell("report", outage_id, "--html")
        _, as_json, _ = await shell("--json", "report", outage_id)
        unknown = await shell("report", str(uuid4()))

    assert none[:2] == (0, "No outage is open.\n")

    assert (text[0], outage_id in text[1], "opened" in text[1]) == (0, True, True)
    assert json.loads(as_json)["sha256"] in text[1]
    assert page[1].lstrip().lower().startswith("<!doctype html")
    assert (unknown[0], "404" in unknown[2]) == (1, True)


async def test_a_refusal_says_why_and_ends_with_one(installation: Installation, shell: Shell) -> None:
    recording = await installation.arrives()
    await installation.becomes(recording, "completed")

    status, out, err = await shell("retry", str(recording), "identity_check", "--reason", "cause_gone")

    assert (status, out) == (1, "")
    assert err.startswith("409 This stage is done or under way")
    assert "trace" in err


async def test_without_a_word_the_running_stack_and_its_issuer_are_asked(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("REKAM_TOKEN", raising=False)
    monkeypatch.setenv("REKAM_RUN_DIR", str(tmp_path / "up"))
    nowhere = await asyncio.to_thread(main, ["gates"])
    (tmp_path / "endpoints.json").write_text(installation.stack.endpoints.to_json())

    found = await asyncio.to_thread(main, ["--role", "regency", "--offices", "32.16.", "gates"])
    nobody = await asyncio.to_thread(main, ["--role", "mayor", "gates"])

    said = capsys.readouterr()
    assert (nowhere, found, nobody) == (2, 0, 2)
    assert "run `make up`" in said.err
    assert "no role mayor" in said.err
    assert said.out.startswith("OPERATION")


async def test_a_service_that_is_away_is_said_plainly_and_ends_with_two(shell: Shell) -> None:
    away = f"http://127.0.0.1:{free_port()}"

    status, out, err = await shell("gates", url=away)

    assert (status, out) == (2, "")
    assert err == f"The recording service at {away} does not answer (ConnectError). Nothing was changed.\n"


async def test_a_command_whose_answer_is_lost_says_how_to_repeat_it(shell: Shell) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        words = ("pause", str(uuid4()))
        status, _, err = await shell("--key", "mine-1", *words, url=f"http://127.0.0.1:{port}")

    assert (status, "--key mine-1" in err) == (2, True)


async def test_the_same_key_is_one_command(installation: Installation, shell: Shell) -> None:
    recording = await installation.arrives(serial="0005")
    await installation.becomes(recording, "parked")
    words = ("--key", f"ops-{recording}", "retry", str(recording), "identity_check", "--reason", "cause_gone")

    first = await shell(*words)
    await eventually(lambda: _has_attempts(installation, recording, 2))
    again = await shell(*words)

    assert first == again
    assert len(await installation.attempts(recording)) == 2


async def _has_attempts(installation: Installation, recording: UUID, number: int) -> bool:
    return len(await installation.attempts(recording)) == number


async def _open_outage(shell: Shell) -> str:
    _, out, _ = await shell("outages", "--open")
    return next((line.split()[0] for line in out.splitlines() if " network " in line), "")


async def _shell_of(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    ends = installation.stack.endpoints
    monkeypatch.setenv("REKAM_TOKEN", await asyncio.to_thread(fetch_token, ends.issuer, "sre", "*"))

    async def typed(*words: str, url: str = ends.recording) -> tuple[int, str, str]:
        status = await asyncio.to_thread(main, ["--url", url, *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return typed
