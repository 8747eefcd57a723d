"""Damages inputs for a given time: `python tests/fuzz/run.py --seconds 3600`.

Each round takes every target through a number of damaged inputs drawn from a seed of its own. What
raises anything but the project's own errors is written, made as small as Hypothesis gets it, to
`corpus/<target>/`, where the test suite reads it from then on. Exit status 1 where there was any.
"""

import argparse
import hashlib
import sys
import time
import traceback
from pathlib import Path

from damage import damaged
from hypothesis import HealthCheck, given, seed, settings
from targets import TARGETS, Target, read

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = 200  # of a target in a round


def main() -> None:
    """Runs rounds until the time is over."""
    options = _arguments()
    end, number, inputs, faults = time.monotonic() + options.seconds, options.seed, 0, 0
    while time.monotonic() < end:
        for name in options.targets or TARGETS:
            if time.monotonic() >= end:
                break
            tried, fault = _round(TARGETS[name], number)
            inputs += tried
            if fault is not None:
                faults += 1
                print(f"{name}: {_keep(name, fault)}", flush=True)
        number += 1
        print(f"round {number}: {inputs} inputs, {faults} faults", file=sys.stderr, flush=True)
    print(f"{inputs} damaged inputs of {len(options.targets or TARGETS)} kinds, {faults} faults")
    sys.exit(1 if faults else 0)


def _round(target: Target, number: int) -> tuple[int, bytes | None]:
    """How many inputs were read, and the smallest that is a fault."""
    tried, smallest = 0, None

    @seed(number)
    @settings(max_examples=EXAMPLES, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(damaged(target.seeds))
    def check(data: bytes) -> None:
        nonlocal tried, smallest
        tried += 1
        try:
            read(target, data)
        except BaseException:
            smallest = data  # Hypothesis ends with the smallest that it found
            raise

    try:
        check()
    except Exception:  # whatever it is, it is the find
        traceback.print_exc()
    return tried, smallest


def _keep(name: str, data: bytes) -> Path:
    path = CORPUS / name / hashlib.sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
