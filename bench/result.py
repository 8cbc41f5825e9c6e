"""What a measurement gives, and how it is shown beside its aim."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.meter import DRIVER, Cost

_SERVICES = ("intake", "recording", "notification", "status")
_LARGEST_SERVICE_MB = 150
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Aim:
    """What was aimed at: at least so much, or at most."""

    value: float
    is_least: bool = True

    def verdict(self, figure: float) -> str:
        """Say the aim and whether it is reached."""
        is_reached = figure >= self.value if self.is_least else figure <= self.value
        return f"aim {'≥' if self.is_least else '≤'} {self.value:g}: {'reached' if is_reached else 'SHORT'}"


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    aim: Aim | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement; `count` things were done while `cost` was paid."""

    title: str
    thing: str
    count: int
    cost: Cost
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default=())


def percentile(values: Sequence[float], percent: int) -> float:
    """Give a percentile; of nothing it is not a number."""
    if len(values) < 2:  # noqa: PLR2004  a quantile needs two
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def show(result: Result) -> None:
    """Print one table."""
    print(f"\n{result.title}")
    for figure in result.figures:
        said = " · ".join(
            part for part in (figure.aim.verdict(figure.value) if figure.aim else "", figure.note) if part
        )
        print(f"  {figure.name:34} {_number(figure.value):>9}   {said}".rstrip())
    _show_cost(result)
    for note in result.notes:
        print(f"  {note}")
    cost = result.cost
    print(f"  {cost.cores} cores; processes that are not ours, and the kernel, used {cost.others_share:.0%} of them")


def _show_cost(result: Result) -> None:
    cost = result.cost
    thousands = result.count / 1000 if result.count else float("nan")
    print(f"  {'process':14} {f'CPU s per 1,000 {result.thing}':>28} {'of one core':>12} {'peak MB':>8}")
    for usage in sorted(cost.usages, key=lambda usage: -usage.cpu_seconds):
        megabytes = usage.peak_bytes / _MB
        aim = f"   {Aim(_LARGEST_SERVICE_MB, is_least=False).verdict(megabytes)}" if usage.name in _SERVICES else ""
        share = usage.cpu_seconds / cost.seconds
        print(f"  {usage.name:14} {usage.cpu_seconds / thousands:28.2f} {share:12.0%} {megabytes:8.0f}{aim}")
    total = sum(usage.cpu_seconds for usage in cost.usages)
    ours = total - sum(usage.cpu_seconds for usage in cost.usages if usage.name == DRIVER)
    most = cost.cores / total * result.count
    said = f"{ours / thousands:.2f} without the driver; {cost.cores} cores full of it: {most:,.0f}/s"
    print(f"  {'all':14} {total / thousands:28.2f} {total / cost.seconds:12.0%}            {said}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004  three digits say enough
