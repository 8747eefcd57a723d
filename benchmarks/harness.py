"""Side-by-side timing: every side does the same work, in turn, several times, in one run.

A figure is the median over the rounds; its spread is the least and the greatest. Ratios are taken
round by round, so that a machine whose speed drifts drifts for both sides.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Work = Callable[[], float | None]


class Side(NamedTuple):
    """One way to do the work. `run` may give the seconds itself, where only a part counts."""

    name: str
    run: Work


class Spread(NamedTuple):
    """Median, least and greatest of several figures."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g}–{self.greatest:.3g})"


class Comparison(NamedTuple):
    """Seconds of every side, and how many times the first side's speed each other side's is."""

    case: str
    rows: int
    seconds: dict[str, Spread]
    ratios: dict[str, Spread]


def compare(
    case: str, sides: Sequence[Side], *, rows: int, rounds: int, warm_up: int = 1
) -> Comparison:
    """Runs all sides in turn and compares the first, ours, with each of the others.

    Args:
        case: what the sides do.
        sides: ours first.
        rows: units of work that every side does in a round, for the rates.
        rounds: counted rounds.
        warm_up: rounds before them that do not count.
    """
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(warm_up + rounds):
        for side in sides:
            start = time.perf_counter()
            own = side.run()
            seconds = time.perf_counter() - start if own is None else own
            print(f"  {case}, {side.name}: {seconds:.3f} s", file=sys.stderr)
            if number >= warm_up:
                taken[side.name].append(seconds)
    ours = taken[sides[0].name]
    ratios = {
        side.name: spread([other / own for own, other in zip(ours, taken[side.name], strict=True)])
        for side in sides[1:]
    }
    return Comparison(case, rows, {k: spread(v) for k, v in taken.items()}, ratios)


def report(benchmark: str, *cases: Comparison) -> None:
    """Prints the table of a benchmark's cases, and its JSON line."""
    header = ("case", "side", "seconds: median (least–greatest)", "rows/s", "our speed over it")
    rows = [
        (case.case, side, seconds, f"{case.rows / seconds.median:,.0f}", case.ratios.get(side, ""))
        for case in cases
        for side, seconds in case.seconds.items()
    ]
    publish(benchmark, header, rows, cases={case.case: _plain(case) for case in cases})


def publish(
    benchmark: str, header: Sequence[str], rows: Sequence[Sequence[Any]], **values: Any
) -> None:
    """Prints a table, and `values` with it and what they must be read with as one JSON line."""
    table = markdown(header, rows)
    print(f"\n### {benchmark}\n\n{table}\n")
    line = {"benchmark": benchmark, **machine(), **values, "table": table}
    print(json.dumps(line), flush=True)


def markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table."""
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(str(cell) for cell in cells)} |" for cells in lines)


def machine() -> dict[str, Any]:
    """What a figure must be read with."""
    return {"cores": os.cpu_count(), "python": platform.python_version()}


def arguments(description: str | None, *, rounds: int = 5) -> argparse.Namespace:
    """The arguments every benchmark takes; `rounds` is how many it counts by default."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default="../shared/data", help="folder of the MNIST and CIFAR-10 files"
    )
    parser.add_argument("--rounds", type=int, default=rounds, help="counted rounds (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="less work, for make bench-quick")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greeting, in every process
    return parser.parse_args()


def spread(values: Sequence[float]) -> Spread:
    """The spread of some figures."""
    return Spread(statistics.median(values), min(values), max(values))


def _plain(comparison: Comparison) -> dict[str, Any]:
    return {
        "rows": comparison.rows,
        "seconds": {k: v._asdict() for k, v in comparison.seconds.items()},
        "ratios": {k: v._asdict() for k, v in comparison.ratios.items()},
    }
