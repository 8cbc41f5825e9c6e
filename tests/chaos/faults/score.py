"""Counts what was said against what was true: pure, over rows of the ledger."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from shared.events.vocabulary import Cause, Effect, Owner
from tests.chaos.faults.cases import Case


@dataclass(frozen=True, slots=True)
class Played:
    """What one case left behind; rows are the ended attempts of its operation while it lasted."""

    case: Case
    rows: Sequence[dict[str, Any]]
    verdict_seconds: float | None  # until the link verdict said what the label says; absent: it never did
    owner: Owner  # whom the link verdict names at the end
    since: datetime  # when the fault began, by the database's clock
    named_seconds: float | None = None  # until it named the owner
    untraced: tuple[str, ...] = ()  # attempts whose trace was not as promised

    def __str__(self) -> str:
        """Say in one line what was said of the case."""
        said = Counter(f"{row['cause'] or 'works'}·{row['effect']}" for row in self.rows)
        most = said.most_common(1)[0][0] if said else "nothing"
        seconds, named = _after(self.verdict_seconds), _after(self.named_seconds)
        return f"{self.case.name:<52}{most:<22}{self.owner:<16}{len(self.rows):>9}{seconds:>10}{named:>10}"

    @property
    def blames_wrongly(self) -> bool:
        """Whether the link verdict names somebody whose fault it was not."""
        return self.owner not in (self.case.owner, Owner.UNDETERMINED)


@dataclass(frozen=True, slots=True)
class Wrong:
    case: Case
    row: dict[str, Any]
    why: str


@dataclass(slots=True)
class Score:
    """Every judged attempt in one table: what was true, what was said."""

    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)
    blamed: list[Wrong] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """How many attempts were judged."""
        return self.told.total()

    @property
    def right_share(self) -> float:
        """The share of attempts about which everything was right."""
        return 1 - len(self.wrong) / self.judged if self.judged else 0.0


def score(all_played: Sequence[Played]) -> Score:
    """Judge every attempt of every case."""
    counted = Score()
    for played in all_played:
        for row in played.rows:
            _judge(played, row, counted)
    return counted


def true_effect(case: Case, row: dict[str, Any]) -> Effect | None:
    """Where the fault meets a connection in use, bytes may have left: only a fresh one proves that none did."""
    if case.side in ("line", "packets") and case.effect is Effect.NONE and row["evidence"].get("bytes_sent", 0) > 0:
        return Effect.POSSIBLE
    return case.effect


def report(all_played: Sequence[Played], counted: Score) -> str:
    """Print the matrix as an operator reads it: per case, then truth against word."""
    lines = [f"{'case':<52}{'said':<22}{'owner':<16}{'attempts':>9}{'verdict':>10}{'named':>10}"]
    lines += [str(played) for played in all_played]
    said_words = sorted({said for _, said in counted.told})
    lines += ["", "confusion: true (rows) against said (columns)"]
    lines.append(" " * 10 + "".join(f"{word:>10}" for word in said_words))
    for truth in sorted({truth for truth, _ in counted.told}):
        lines.append(f"{truth:<10}" + "".join(f"{counted.told[truth, word]:>10}" for word in said_words))
    waits = [one.verdict_seconds for one in all_played if one.verdict_seconds is not None and one.case.cause]
    lines += ["", f"cases {len(all_played)}, attempts {counted.judged}, right {counted.right_share:.2%}"]
    if waits:
        lines.append(f"link verdict after the fault: median {median(waits):.1f} s, longest {max(waits):.1f} s")
    lines += [f"wrong: {one.case.name}: {one.why}" for one in (*counted.wrong, *counted.blamed)]
    lines += [f"untraced: {one.case.name}: {told}" for one in all_played for told in one.untraced]
    return "\n".join(lines)


def _after(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _judge(played: Played, row: dict[str, Any], counted: Score) -> None:
    case = played.case
    said = Cause(row["cause"]) if row["cause"] else None
    truth = _true_cause(played, row, said)
    counted.told[truth or "works", said or "works"] += 1
    if said is not truth:
        counted.wrong.append(Wrong(case, row, f"cause {said}, signature {row['signature']}"))
    elif said is not None and (effect := true_effect(case, row)) is not Effect(row["effect"]):
        counted.wrong.append(Wrong(case, row, f"effect {row['effect']} in place of {effect}, {row['signature']}"))
    elif said is not None and row["next"]["action"] != case.next_action(said, Effect(row["effect"])):
        counted.wrong.append(Wrong(case, row, f"next {row['next']['action']}, {row['signature']}"))
    if said is not None and row["owner"] not in (case.owner, Owner.UNDETERMINED):
        counted.blamed.append(Wrong(case, row, f"owner {row['owner']} in place of {case.owner}, {row['signature']}"))


def _true_cause(played: Played, row: dict[str, Any], said: Cause | None) -> Cause | None:
    """One witness alone may say what the label allows; once the second was heard, only the truth counts."""
    case = played.case
    if case.some_work and said is None:
        return None
    seen = row["evidence"].get("surroundings", {})
    ended = datetime.fromisoformat(row["started_at"]) + timedelta(milliseconds=row["duration_ms"])
    # A round that began before the fault says nothing of it.
    has_second = (
        seen.get("second_way_answered") is not None and ended - timedelta(seconds=seen["seconds_old"]) > played.since
    )
    return said if said is not None and said is case.until_second_source and not has_second else case.cause
