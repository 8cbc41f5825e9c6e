"""Topics are made explicitly and checked at start: an auto-created topic has the wrong number of partitions."""

import asyncio

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from shared.events.catalog import TOPICS

_log = structlog.get_logger()


class WrongPartitions(Exception):
    """A topic has another number of partitions than this installation's setting; keys would change places."""


async def ensure_topics(bootstrap: str, *, partitions: int, replicas: int = 1) -> None:
    """Make the topics that are missing; raises `WrongPartitions` when one differs from the settings."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(30):
            await admin.start()
            await _create_missing(admin, partitions, replicas)
            await _check(admin, partitions)
    finally:
        await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, partitions: int, replicas: int) -> None:
    known = set(await admin.list_topics())
    for name, config in TOPICS.items():
        if name in known:
            continue
        try:
            await admin.create_topics([NewTopic(name, partitions, replicas, topic_configs=config)])
        except TopicAlreadyExistsError:
            _log.debug("topic was made by a neighbour", topic=name)


async def _check(admin: AIOKafkaAdminClient, partitions: int) -> None:
    for topic in await admin.describe_topics(list(TOPICS)):
        if topic["error_code"]:
            raise KafkaError(f"topic {topic['topic']} is not ready yet")
        found = len(topic["partitions"])
        if found != partitions:
            raise WrongPartitions(f"{topic['topic']} has {found} partitions, REKAM_PARTITIONS says {partitions}")
