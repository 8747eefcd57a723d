"""The quick forms of the benchmarks, against floors: fails where a ratio fell under its own.

python -m benchmarks.quick [--data DIR]

Floors are in benchmarks/floors.yaml: by benchmark, case and side, the least that the median of our
speed over that side's may be. Every ratio that was measured is printed beside its floor, so that new
floors can be read off; one without a floor cannot fail. Two cores are seldom alone: where a ratio
fell, its benchmark is run once more, and what fell both times counts. A benchmark that fails fails
the run.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.bench import run

FLOORS = Path(__file__).parent / "floors.yaml"
# Rounds of each: as many as five minutes allow on two cores.
ROUNDS = {
    "ingest_libsvm": 2,
    "ingest_images": 2,
    "ingest_table": 2,
    "feed": 2,
    "feeds": 3,
    "train": 1,
    "sample": 3,
    "evaluate": 2,
}


class Ratio(NamedTuple):
    """How many times as fast as a side ours was, and the floor under that, if there is one."""

    name: str
    median: float
    floor: float | None

    @property
    def fell(self) -> bool:
        """Whether it is under its floor."""
        return self.floor is not None and self.median < self.floor


def main() -> None:
    """Runs the benchmarks and holds them to the floors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="../shared/data", help="folder of the source files")
    options = parser.parse_args()
    floors = yaml.safe_load(FLOORS.read_text()) or {}
    if unknown := set(floors) - set(ROUNDS):
        raise SystemExit(f"{FLOORS}: no quick benchmark {', '.join(sorted(unknown))}")
    failures: list[str] = []
    for name, rounds in ROUNDS.items():
        arguments = ["--quick", "--rounds", str(rounds), "--data", options.data]
        failed = failures_of(name, arguments, floors.get(name, {}))
        if failed:
            again = failures_of(name, arguments, floors.get(name, {}))
            failures += [again[key] for key in failed if key in again]
    if failures:
        raise SystemExit("\n".join(failures))


def failures_of(benchmark: str, arguments: list[str], floors: dict[str, Any]) -> dict[str, str]:
    """Runs a benchmark, and says what is wrong with its figures, by what it is wrong with."""
    record = run(benchmark, arguments)
    if record is None:
        return {benchmark: f"{benchmark} failed"}
    found = list(ratios(benchmark, record, floors))
    for ratio in found:
        floor = "none" if ratio.floor is None else f"{ratio.floor:.3g}"
        print(f"{ratio.name}: {ratio.median:.3g}, floor {floor}", flush=True)
    fell = {r.name: f"{r.name} fell to {r.median:.3g}, under {r.floor}" for r in found if r.fell}
    return fell | {
        name: f"{name} has a floor but was not measured"
        for name in missing(benchmark, record, floors)
    }


def ratios(benchmark: str, record: dict[str, Any], floors: dict[str, Any]) -> Iterator[Ratio]:
    """All ratios of a benchmark's record."""
    for case, measured in record["cases"].items():
        for side, ratio in measured["ratios"].items():
            floor = floors.get(case, {}).get(side)
            yield Ratio(f"{benchmark}, {case}, {side}", ratio["median"], floor)


def missing(benchmark: str, record: dict[str, Any], floors: dict[str, Any]) -> list[str]:
    """The floors that stand under nothing, as after a side was renamed."""
    return [
        f"{benchmark}, {case}, {side}"
        for case, sides in floors.items()
        for side in sides
        if side not in record["cases"].get(case, {}).get("ratios", {})
    ]


if __name__ == "__main__":
    main()
