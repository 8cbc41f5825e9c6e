"""A bucket of the outbox is the partition that Kafka's own clients would choose."""

import pytest
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.partitioner import murmur2, partition_of

# org.apache.kafka.common.utils.UtilsTest.testMurmur2
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("data", "signed"), JAVA.items())
def test_it_hashes_as_the_java_client_does(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF


@given(st.binary(max_size=100))
def test_it_hashes_as_aiokafka_does(data: bytes) -> None:
    assert murmur2(data) == murmur2_of_aiokafka(data) & 0xFFFFFFFF


@given(st.text(max_size=40), st.integers(1, 256))
def test_every_key_has_one_of_the_partitions(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2_of_aiokafka(key.encode()) & 0x7FFFFFFF) % partitions
