"""All benchmarks in one run, one after the other.

python -m benchmarks.bench [BENCHMARK ...] [--data DIR] [--quick] [--out FILE]

Prints the table of each as it comes, and puts it into BENCHMARKS.md between the lines that name it
(not with --quick). Every JSON line goes to the file, with the commit and the time; a benchmark that
fails leaves none, and the run goes on and fails at its end.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BENCHMARKS = (
    "start",
    "ingest_libsvm",
    "ingest_images",
    "ingest_table",
    "text_ingest",
    "feed",
    "feeds",
    "train",
    "exchange",
    "sample",
    "pixel_sampling",
    "text_sampling",
    "evaluate",
    "scale",
)
OUT = Path(__file__).parent / "bench.jsonl"
DOCUMENT = Path("BENCHMARKS.md")
JSON_LINE = '{"benchmark"'


def main() -> None:
    """Runs the benchmarks named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    parser.add_argument("--data", default="../shared/data", help="folder of the source files")
    parser.add_argument("--quick", action="store_true", help="less work")
    parser.add_argument("--out", type=Path, default=OUT, help="for the JSON lines (%(default)s)")
    options = parser.parse_args()
    wanted = options.benchmarks or BENCHMARKS
    if unknown := set(wanted) - set(BENCHMARKS):
        parser.error(f"expected some of {', '.join(BENCHMARKS)}, found {', '.join(unknown)}")
    arguments = ["--data", options.data, *(["--quick"] if options.quick else [])]
    failed = []
    with options.out.open("w") as out:
        for name in wanted:
            record = run(name, arguments)
            if record is None:
                failed.append(name)
                continue
            _keep(record, out)
            if not options.quick:
                DOCUMENT.write_text(with_table(DOCUMENT.read_text(), name, record))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def run(name: str, arguments: Sequence[str]) -> dict[str, Any] | None:
    """Runs one benchmark and gives its JSON line; None where it failed."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    start = time.monotonic()
    record = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line.startswith(JSON_LINE):
                record = json.loads(line)
            else:
                print(line, end="", flush=True)
    seconds = time.monotonic() - start
    print(f"{name}: {seconds:.0f} s, exit {process.returncode}", file=sys.stderr, flush=True)
    if process.returncode or record is None:
        return None
    return {**record, "module": name, "arguments": list(arguments), "wall_seconds": seconds}


def with_table(document: str, name: str, record: dict[str, Any]) -> str:
    """The document with the table of a benchmark in its place."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = document.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{DOCUMENT} has no place for the table of {name}: add {begin} and {end}")
    took = (
        f"`python -m benchmarks.{name}`, {record['wall_seconds']:.0f} s, {record['cores']} cores."
    )
    return f"{before}{begin}\n{took}\n\n{record['table']}\n{end}{after}"


def _keep(record: dict[str, Any], out: Any) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    out.write(json.dumps({**record, "commit": _commit(), "time": now}) + "\n")
    out.flush()


def _commit() -> str:
    """The commit that is checked out, with `+` where files differ from it; empty outside git."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
