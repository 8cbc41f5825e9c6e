from dataclasses import replace

from tests.support.seen_office import DIGEST, ID, arrived, captured, kept, registered
from tools.verify.checks.store import digests_agree, nothing_accepted_is_lost
from tools.verify.seen import Accepted, Intake, Stored

TOLD = [arrived(), captured()]
ALL_THERE = Stored(objects=2)


def test_what_was_accepted_and_exists_is_not_lost() -> None:
    accepted = Accepted(recordings=frozenset({ID}), packets=frozenset({DIGEST}))

    assert nothing_accepted_is_lost(kept(), TOLD, ALL_THERE, accepted).is_ok


def test_an_event_still_in_the_outbox_is_not_lost() -> None:
    assert nothing_accepted_is_lost(replace(kept(), waiting=tuple(TOLD)), [], ALL_THERE).is_ok


def test_an_arrival_that_only_the_driver_remembers_is_lost() -> None:
    found = nothing_accepted_is_lost(Intake(), [], Stored(), Accepted(recordings=frozenset({ID})))

    assert found.examples == (f"recording {ID}: answered with 2xx, no row",)


def test_a_packet_that_only_the_driver_remembers_is_lost() -> None:
    found = nothing_accepted_is_lost(kept(), TOLD, ALL_THERE, Accepted(packets=frozenset({"sha-256:00"})))

    assert found.examples == ("packet sha-256:00: answered with 2xx, no row",)


def test_a_capture_of_which_nobody_was_told_is_lost() -> None:
    found = nothing_accepted_is_lost(kept(), [arrived()], ALL_THERE)

    assert found.examples == (f"recording {ID}, packet 1: no event on Kafka",)


def test_a_row_whose_bytes_are_gone_is_lost() -> None:
    assert not nothing_accepted_is_lost(kept(), TOLD, Stored(unreadable=frozenset({"packets/1"}))).is_ok


def test_the_same_digest_everywhere_agrees() -> None:
    assert digests_agree(kept(), TOLD, [registered()], ALL_THERE).is_ok


def test_other_bytes_at_the_centre_are_found() -> None:
    found = digests_agree(kept(), TOLD, [registered(digest="sha-256:00")], ALL_THERE)

    assert found.examples == (f"recording {ID}, packet 1: the centre holds other bytes",)


def test_a_record_nobody_captured_is_found() -> None:
    assert not digests_agree(kept(), TOLD, [registered(packet_version=2)], ALL_THERE).is_ok


def test_a_damaged_object_and_an_orphan_are_found() -> None:
    stored = Stored(unreadable=frozenset({"identities/1#0+9"}), orphans=("packets/old",))

    assert len(digests_agree(kept(), TOLD, [registered()], stored).examples) == 2
