"""The same POST twice does its work once; the database is real."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import asyncpg
import httpx
import orjson
import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from shared.http import create_app, idempotency_key
from shared.postgres.idempotency import Answer, KeyedRequest, Replay, Reused, Running, fingerprint, look_up, once
from tests.support.serving import free_port, running, slug
from tools.local import Stack
from tools.serving import nothing_to_wait_for

MIGRATION = Path("shared/postgres/migrations/0003_pre_create_idempotency.sql").read_text()


class Work:
    """What the office does in a POST; a test may hold it up or let it fail."""

    def __init__(self) -> None:
        self.done = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def do(self) -> Answer:
        """Do it once more."""
        self.begun.set()
        await asyncio.wait_for(self.may_end.wait(), 10)
        self.done += 1
        return Answer(201, orjson.dumps({"number": self.done}), f"/v1/visits/{self.done}")


@pytest.fixture(scope="module")
async def pool(postgres_and_kafka: Stack) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
    dsn = postgres_and_kafka.endpoints.postgres["status"]
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4, server_settings={"search_path": "edge_test"}) as pool:
        await pool.execute("CREATE SCHEMA edge_test")
        await pool.execute(MIGRATION)
        yield pool
        await pool.execute("DROP SCHEMA edge_test CASCADE")


@pytest.fixture
async def desk(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[tuple[httpx.AsyncClient, Work]]:
    await pool.execute("TRUNCATE idempotency")
    app, work = create_app(title="Desk", version="1", is_ready=nothing_to_wait_for), Work()
    app.include_router(desk_routes(pool, work))
    async with running(app, free_port()) as url, httpx.AsyncClient(base_url=url) as client:
        yield client, work


def desk_routes(pool: "asyncpg.Pool[asyncpg.Record]", work: Work) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/visits")
    async def visit(request: Request, key: Annotated[str, Depends(idempotency_key)]) -> Response:
        print_of_it = fingerprint(b"key", "POST", request.url.path, await request.body())
        async with pool.acquire(timeout=5) as connection, connection.transaction():
            answer = await once(connection, KeyedRequest("agency:", key, print_of_it), work.do)
        return answer.response()

    return router


async def test_the_same_request_again_gets_the_first_answer(desk: tuple[httpx.AsyncClient, Work]) -> None:
    client, work = desk

    first = await client.post("/v1/visits", content=b"a", headers={"idempotency-key": "one"})
    again = await client.post("/v1/visits", content=b"a", headers={"idempotency-key": "one"})

    assert (first.status_code, first.headers.get("idempotent-replayed")) == (201, None)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    assert work.done == 1


async def test_a_key_must_be_there_and_must_not_be_reused(desk: tuple[httpx.AsyncClient, Work]) -> None:
    client, _ = desk
    await client.post("/v1/visits", content=b"a", headers={"idempotency-key": "one"})

    without = await client.post("/v1/visits", content=b"a")
    reused = await client.post("/v1/visits", content=b"b", headers={"idempotency-key": "one"})

    assert (without.status_code, slug(without)) == (400, "missing-idempotency-key")
    assert (reused.status_code, slug(reused)) == (422, "key-reused")


async def test_while_the_first_runs_the_second_is_told_to_come_back(desk: tuple[httpx.AsyncClient, Work]) -> None:
    client, work = desk
    work.may_end.clear()

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(client.post("/v1/visits", content=b"a", headers={"idempotency-key": "one"}))
        await asyncio.wait_for(work.begun.wait(), 5)
        second = await client.post("/v1/visits", content=b"a", headers={"idempotency-key": "one"})
        work.may_end.set()

    assert (second.status_code, slug(second), second.headers["retry-after"]) == (409, "key-in-use", "1")
    assert (first.result().status_code, work.done) == (201, 1)


async def test_a_batch_is_looked_up_at_once_and_knows_its_own_doubles(
    pool: "asyncpg.Pool[asyncpg.Record]", desk: tuple[httpx.AsyncClient, Work]
) -> None:
    _, work = desk
    known, fresh = KeyedRequest("c", "known", b"1"), KeyedRequest("c", "fresh", b"2")
    async with pool.acquire() as connection, connection.transaction():
        await once(connection, known, work.do)

    async with pool.acquire() as connection, connection.transaction():
        found = await look_up(connection, [known, fresh, fresh, KeyedRequest("c", "known", b"x")])

    assert [type(finding).__name__ for finding in found] == ["Replay", "Fresh", "Running", "Reused"]
    assert isinstance(found[0], Replay)
    assert isinstance(found[2], Running)
    assert isinstance(found[3], Reused)
