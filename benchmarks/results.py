"""The table of results: trains experiments, measures their samples, writes RESULTS.md.

python -m benchmarks.results [EXPERIMENT ...] [--data DIR]     default: every row that is missing

Each experiment runs through all five jobs by its own command, two workers on this machine: flagships
with their weights file in the place of training (`benchmarks/flagships.py`), and one that begins with
the weights of a flagship after that one. Its record is `benchmarks/results/<experiment>.json` and its
samples are `<experiment>.png` beside it, or `.txt` too where they are texts, of which the table quotes
the beginning. The experiment's file is told what was measured, in a comment. `--table` only writes
RESULTS.md and these comments anew from the records (`benchmarks/results_table.py`).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.flagships import FLAGSHIPS, run_options, sampled
from benchmarks.results_table import EXPERIMENTS, FOLDER, sheets_of, write

PUBLISHED = Path(__file__).parent / "published.yaml"
SAMPLES = 1000
LARGE = 500_000
"""Bytes of a sheet of samples above which it is kept as a smaller JPEG file."""
SIDE = 1000
"""Pixels of the longer side of that file at most."""
JUDGES = {
    "mnist": "full_classifier_mnist",
    "mnist_156": "full_classifier_mnist",
    "cifar10": "augmented_classifier_cifar10",
}
WHOLE = {
    "cifar10": ("dataset.source.path={data}/cifar10-jpg.zip", "dataset.validation_fraction=0.02")
}
"""What takes the whole of a data set, of which its experiments take a part."""


def main() -> None:
    """Runs the experiments named, or those without a record, and writes the table."""
    options = _arguments()
    FOLDER.mkdir(exist_ok=True)
    rows = yaml.safe_load(PUBLISHED.read_text())
    wanted = options.experiments or [
        name for name in (*rows, *FLAGSHIPS) if not (FOLDER / f"{name}.json").exists()
    ]
    for name in [] if options.table else wanted:
        record = run(name, options.data, options.root)
        (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
        write(rows)
    write(rows)


def run(name: str, data: str, root: str) -> dict[str, Any]:
    """Runs one experiment and gives its record."""
    path = EXPERIMENTS / f"{name}.yaml"
    source = yaml.safe_load(path.read_text()).get("training", {}).get("start_from")
    if source in FLAGSHIPS:
        _pipeline(source, data, root)
    start = time.monotonic()
    result = _pipeline(name, data, root)
    wall = round(time.monotonic() - start, 1)
    flagship = {"sample": sampled(path, root)} if name in FLAGSHIPS else {}
    shown = flagship.get("sample", result["sample"])
    if "contact_sheet" in shown:
        keep_sheet(Path(shown.pop("contact_sheet")), name)
    return {
        **flagship,
        **({} if source is None else {"start_from": source}),
        "experiment": name,
        "command": f"make results MODEL={name}",
        "cores": os.cpu_count(),
        "wall_seconds": wall,
        "train": result["train"]["metrics"],
        "promote": result["promote"],
        "figures": {**figures(path, data, root), **of_samples(result["sample"])},
    }


def _pipeline(name: str, data: str, root: str) -> dict[str, Any]:
    """What `sparkgen run` says of an experiment in the end."""
    path = EXPERIMENTS / f"{name}.yaml"
    arguments = ["run", str(path), "--root", root]
    for override in _overrides(path, data):
        arguments += ["--set", override]
    if name in FLAGSHIPS:
        arguments += run_options(name, data)
    print(f"results: sparkgen {' '.join(arguments)}", file=sys.stderr)
    done = subprocess.run(
        [Path(sys.executable).with_name("sparkgen"), *arguments], stdout=subprocess.PIPE, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def keep_sheet(sheet: Path, name: str) -> None:
    """Puts a sheet of samples beside the record; a large one, of photographs, as a smaller JPEG file."""
    from PIL import Image

    for old in sheets_of(name):
        old.unlink()
    if sheet.suffix == ".txt":
        shutil.copy(sheet, FOLDER / f"{name}.txt")
        sheet = sheet.with_suffix(".png")
    if sheet.stat().st_size <= LARGE:
        shutil.copy(sheet, FOLDER / f"{name}.png")
        return
    with Image.open(sheet) as image:
        image.thumbnail((SIDE, SIDE))
        image.convert("RGB").save(FOLDER / f"{name}.jpg", quality=85)


def _overrides(path: Path, data: str) -> tuple[str, ...]:
    """What the table asks of every experiment: data, and, where it says none, samples with a judge."""
    experiment = yaml.safe_load(path.read_text())
    dataset, own = experiment["dataset"], experiment.get("evaluation", {})
    whole = [override.replace("{data}", data) for override in WHOLE.get(dataset, ())]
    common = (f"environment.data={data}", *whole)
    judge = JUDGES.get(dataset)
    if judge is None or own.get("samples") == 0 or "judge" in own:
        return common
    return (*common, f"evaluation.samples={SAMPLES}", f"evaluation.judge={judge}")


def figures(path: Path, data: str, root: str) -> dict[str, Any]:
    """The figures of the challenger, each with its protocol."""
    from sparkgen.config.load import load_experiment
    from sparkgen.pipeline.figures import logged_figures
    from sparkgen.tracking import registry

    experiment = load_experiment(path, overrides=_overrides(path, data), root=root)
    version = registry.require(experiment.environment, experiment.name, registry.CHALLENGER)
    found = logged_figures(experiment.environment, version)
    return {name: figure._asdict() for name, figure in found.items()}


def of_samples(sampled: dict[str, Any]) -> dict[str, Any]:
    """The figures that the manifest of a sample set has, in the form of those of an evaluation."""
    manifest = json.loads((Path(sampled["samples"]) / "manifest.json").read_text())
    common = {
        "standard_error": None,
        "protocol": "mean over the sample set",
        "rows": sampled["count"],
        "dataset": "samples",
        "dataset_version": manifest["id"],
        "seed": manifest["config"]["seed"],
    }
    found = manifest.get("figures", {})
    return {f"samples_{name}": {"value": value, **common} for name, value in found.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT")
    parser.add_argument("--data", default="../shared/data", help="folder of the source files")
    parser.add_argument("--root", default="runs/results", help="where the runs go")
    parser.add_argument("--table", action="store_true", help="only write RESULTS.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
