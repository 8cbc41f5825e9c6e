"""What a call keeps of its way: when each phase began, and what the kernel said first and lately."""

from services.recording.centre.evidence import Trail
from shared.events.vocabulary import Phase


def test_of_a_long_wait_the_first_sample_and_the_latest_ten_are_kept() -> None:
    trail = Trail()
    for second in range(40):
        trail.look({"bytes_acked": second})

    evidence, _ = trail.evidence(None, 0.0)

    assert [sample["bytes_acked"] for sample in evidence.samples] == [0, *range(30, 40)]
    assert evidence.tcp == evidence.samples[-1]
    assert all("at_ms" in sample for sample in evidence.samples)


def test_a_call_too_quick_for_a_sample_keeps_none() -> None:
    evidence, _ = Trail().evidence(None, 0.0)

    assert (evidence.tcp, evidence.samples) == (None, ())


def test_a_phase_begins_where_the_one_before_ends() -> None:
    trail = Trail()
    for phase in (Phase.SEND, Phase.WAIT):
        trail.enter(phase)

    evidence, _ = trail.evidence("eof", 0.0)

    assert list(evidence.phases_at_ms) == list(evidence.phases_ms) == ["send", "wait"]
    assert evidence.phases_at_ms["wait"] >= evidence.phases_ms["send"]
