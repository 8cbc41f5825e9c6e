"""Gathers what the report says, from the services' own APIs, the centre's journal and the line's true history."""

import re
from collections import Counter
from datetime import datetime
from typing import Any

import httpx

from tools.demo.play import Played
from tools.demo.report import Findings
from tools.local import Endpoints


async def gather(http: httpx.AsyncClient, endpoints: Endpoints, played: Played, token: str) -> Findings:
    """Read everything once, as an operator would."""
    http.headers["Authorization"] = f"Bearer {token}"
    history = played.desk.history
    attempts = await _all(http, f"{endpoints.recording}/v1/attempts?limit=500")
    recordings = await _all(http, f"{endpoints.recording}/v1/recordings?limit=500")
    truth = (await _get(http, f"{endpoints.line_control}/history"))["items"][0]
    journal = (await _get(http, f"{endpoints.centre_control}/journal"))["items"]
    registered = Counter(
        call["recording_id"] for call in journal if call["operation"] == "submission" and call["effect"]
    )
    known = {one["id"] for one in recordings}
    return Findings(
        network_failures=[row for row in attempts if row["cause"] == "network"],
        calls_while_dead=sum(
            truth["died_at"] <= row["started_at"] < truth["returned_at"] for row in map(_zulu, attempts)
        ),
        probes=await _probes(http, endpoints),
        gate_returned_at=await _gate_returned(http, endpoints),
        truth=truth,
        registered=len(registered.keys() & history.captures.keys()),
        sukets=sum(one["purpose"] == "suket_extension" and one["state"] == "completed" for one in recordings),
        twice=sum(times > 1 for times in registered.values()),
        lost=len(history.arrivals.keys() - known) + len(history.captures.keys() - registered.keys()),
        strikes=sum(stage["strikes"] for one in recordings for stage in one["stages"]),
    )


async def _all(http: httpx.AsyncClient, url: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    page = await _get(http, url)
    while True:
        items += page["items"]
        if page["next"] is None:
            return items
        page = await _get(http, f"{url}&after={page['next']}")


async def _get(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    return dict((await http.get(url)).raise_for_status().json())


async def _probes(http: httpx.AsyncClient, endpoints: Endpoints) -> int:
    text = (await http.get(f"{endpoints.recording}/metrics")).raise_for_status().text
    return int(sum(float(value) for value in re.findall(r"^rekam_probes_total\{.*\} (\S+)", text, re.MULTILINE)))


async def _gate_returned(http: httpx.AsyncClient, endpoints: Endpoints) -> datetime | None:
    """Find when the first gate let calls through again."""
    page = await _get(http, f"{endpoints.status}/v1/events?types=gate.*&limit=500")
    opened = [event["time"] for event in page["events"] if event["data"]["state"] == "probing"]
    return datetime.fromisoformat(min(opened)) if opened else None


def _zulu(row: dict[str, Any]) -> dict[str, str]:
    return {"started_at": str(row["started_at"])}
