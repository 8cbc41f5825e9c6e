"""The local stack: what it starts works, survives being killed, and never outlives its owner."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.eventually import eventually
from tests.support.stack import new_folder
from tools.local import Stack
from tools.local.places import ROOT
from tools.local.runfolder import children_of


async def test_postgres_18_answers_each_service_in_its_own_database(postgres_and_kafka: Stack) -> None:
    for service, dsn in postgres_and_kafka.endpoints.postgres.items():
        connection = await asyncpg.connect(dsn)
        version = await connection.fetchval("SELECT version()")
        place = await connection.fetchval("SELECT current_database() || ' ' || current_user")
        await connection.close()

        assert version.startswith("PostgreSQL 18")
        assert place == f"{service} {service}"


async def test_a_service_cannot_enter_another_ones_database(postgres_and_kafka: Stack) -> None:
    dsn = postgres_and_kafka.endpoints.postgres["status"].rpartition("/")[0] + "/intake"

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn)


async def test_kafka_takes_and_gives_a_record(postgres_and_kafka: Stack) -> None:
    topic = await _new_topic(postgres_and_kafka.endpoints.kafka)

    await _put(postgres_and_kafka.endpoints.kafka, topic, b"a record")

    assert await _read(postgres_and_kafka.endpoints.kafka, topic) == b"a record"


async def test_a_killed_kafka_keeps_what_it_acknowledged(postgres_and_kafka: Stack) -> None:
    bootstrap = postgres_and_kafka.endpoints.kafka
    topic = await _new_topic(bootstrap)
    await _put(bootstrap, topic, b"kept")

    await asyncio.to_thread(postgres_and_kafka.kill, "kafka")
    assert not postgres_and_kafka.is_running("kafka")
    await asyncio.to_thread(postgres_and_kafka.start_service, "kafka")

    assert await _read(bootstrap, topic) == b"kept"


async def test_a_killed_postgres_keeps_what_it_committed(postgres_and_kafka: Stack) -> None:
    dsn = postgres_and_kafka.endpoints.postgres["intake"]
    table = f"kept_{uuid.uuid4().hex[:8]}"
    before = await asyncpg.connect(dsn)
    await before.execute(f"CREATE TABLE {table} AS SELECT 1 AS kept")

    await asyncio.to_thread(postgres_and_kafka.kill, "postgres")
    before.terminate()
    await asyncio.to_thread(postgres_and_kafka.start_service, "postgres")

    after = await asyncpg.connect(dsn)
    assert await after.fetchval(f"SELECT kept FROM {table}") == 1  # noqa: S608  the name is made up above
    await after.execute(f"DROP TABLE {table}")
    await after.close()


async def test_a_paused_postgres_answers_when_it_is_resumed(postgres_and_kafka: Stack) -> None:
    connection = await asyncpg.connect(postgres_and_kafka.endpoints.postgres["intake"])

    await asyncio.to_thread(postgres_and_kafka.pause, "postgres")
    answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    _, silent = await asyncio.wait([answer], timeout=0.3)
    await asyncio.to_thread(postgres_and_kafka.resume, "postgres")

    assert silent
    assert await asyncio.wait_for(answer, 5) == 1
    await connection.close()


async def test_an_owner_killed_by_sigkill_leaves_no_process_behind(run_folder: Path) -> None:
    owner = _local("run", run_folder)
    await eventually((run_folder.parent / "endpoints.json").exists, within=60)
    children = children_of(run_folder)
    descendants = psutil.Process(owner.pid).children(recursive=True)

    owner.send_signal(signal.SIGKILL)
    await asyncio.to_thread(owner.communicate, timeout=10)

    assert set(children) == {"postgres", "kafka"}
    await eventually(lambda: not [process for process in descendants if _lives(process)])


def test_strays_of_a_dead_owner_are_ended_by_the_next_start(run_folder: Path) -> None:
    stray = psutil.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    run_folder.mkdir(parents=True)
    note = f'{{"owner": 0, "children": [{{"name": "x", "pid": {stray.pid}, "started": {stray.create_time()}}}]}}'
    (run_folder / "state.json").write_text(note)

    with Stack.on_free_ports(run_folder) as stack:
        stack.start(())

    assert stray.wait(timeout=5) == -signal.SIGKILL


async def test_a_second_up_says_what_already_runs(run_folder: Path) -> None:
    first = await _said(_local("up", run_folder))
    second = await _said(_local("up", run_folder))
    down = await _said(_local("down", run_folder))

    assert "already running" not in first
    assert "already running" in second
    assert "postgres      runs" in second
    assert "stopped" in down
    assert children_of(run_folder) == {}


@pytest.fixture
def run_folder() -> Iterator[Path]:
    folder = new_folder() / "up"
    yield folder
    done = _local("down", folder)
    done.communicate(timeout=60)
    subprocess.run(["/bin/rm", "-rf", str(folder.parent)], check=True)  # noqa: S603  made by `new_folder`


def _local(verb: str, folder: Path) -> subprocess.Popen[str]:
    only = ["--only", "postgres,kafka"] if verb in {"up", "run"} else []
    return subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, "-m", "tools.local", verb, *only],
        env=os.environ | {"REKAM_RUN_DIR": str(folder), "REKAM_PORTS": "free"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


async def _said(command: subprocess.Popen[str]) -> str:
    output, _ = await asyncio.to_thread(command.communicate, timeout=60)
    assert command.returncode == 0, output
    return output


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


async def _new_topic(bootstrap: str) -> str:
    topic = f"local-stack-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    return topic


async def _put(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, compression_type="lz4"
    )
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def _read(bootstrap: str, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        record = await asyncio.wait_for(consumer.getone(), 20)
        value: bytes | None = record.value
    finally:
        await consumer.stop()
    return value
