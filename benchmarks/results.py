"""The table of results: trains experiments, measures their samples, writes RESULTS.md.

python -m benchmarks.results [EXPERIMENT ...] [--data DIR]     default: every row that is missing

Each experiment runs through all five jobs by its own command, two workers on this machine; its
record is `benchmarks/results/<experiment>.json` and its samples are `<experiment>.png` beside it. The
experiment's file is told what was measured, in a comment. `--table` only writes RESULTS.md and
these comments anew from the records.
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

FOLDER = Path(__file__).parent / "results"
PUBLISHED = Path(__file__).parent / "published.yaml"
TABLE = Path("RESULTS.md")
EXPERIMENTS = Path("conf/experiments")
MEASURED = "# Measured:"
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
FIGURES = {
    "elbo_nats": "ELBO nats",
    "iwae_nats": "IWAE nats",
    "exact_nats": "exact nats",
    "exact_bits_per_dim": "bits/dim",
    "mse": "mse",
    "accuracy": "accuracy",
    "robust_accuracy": "accuracy under PGD",
    "fgsm_accuracy": "under FGSM",
    "success": "success of the patch",
    "psnr": "PSNR dB",
    "psnr_bicubic": "PSNR dB of bicubic",
    "ssim": "SSIM",
    "ssim_bicubic": "SSIM of bicubic",
    **{
        f"probe_{points}accuracy_{labels}": f"probe on {given}, {labels} labels"
        for labels in (100, 1000, "all")
        for points, given in (("", "latents"), ("pixels_", "pixels"), ("pca_", "PCA"))
    },
    "content_loss": "content loss",
    "style_loss": "style loss",
    "samples_content_loss": "content loss of the samples",
    "samples_style_loss": "style loss of the samples",
    "samples_activation_made": "answers of the layers, times those before",
    "judge_agrees": "judge > 0.9 of the given class",
    "kid": "KID",
    "fid": "FID",
    "precision": "precision",
    "recall": "recall",
    "judge_confident": "judge > 0.9",
    "judge_classes_present": "classes present",
    "memorised": "memorised",
}


def main() -> None:
    """Runs the experiments named, or those without a record, and writes the table."""
    options = _arguments()
    FOLDER.mkdir(exist_ok=True)
    rows = yaml.safe_load(PUBLISHED.read_text())
    wanted = options.experiments or [
        name for name in rows if not (FOLDER / f"{name}.json").exists()
    ]
    for name in [] if options.table else wanted:
        record = run(name, options.data, options.root)
        (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
        write(rows)
    write(rows)


def run(name: str, data: str, root: str) -> dict[str, Any]:
    """Runs one experiment and gives its record."""
    path = EXPERIMENTS / f"{name}.yaml"
    arguments = ["run", str(path), "--root", root]
    for override in _overrides(path, data):
        arguments += ["--set", override]
    print(f"results: sparkgen {' '.join(arguments)}", file=sys.stderr)
    start = time.monotonic()
    done = subprocess.run(
        [Path(sys.executable).with_name("sparkgen"), *arguments], stdout=subprocess.PIPE, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    if "contact_sheet" in result["sample"]:
        keep_sheet(Path(result["sample"]["contact_sheet"]), name)
    return {
        "experiment": name,
        "command": f"make results MODEL={name}",
        "cores": os.cpu_count(),
        "wall_seconds": round(time.monotonic() - start, 1),
        "train": result["train"]["metrics"],
        "promote": result["promote"],
        "figures": {**figures(path, data, root), **of_samples(result["sample"])},
    }


def keep_sheet(sheet: Path, name: str) -> None:
    """Puts a sheet of samples beside the record; a large one, of photographs, as a smaller JPEG file."""
    from PIL import Image

    for old in _sheets(name):
        old.unlink()
    if sheet.stat().st_size <= LARGE:
        shutil.copy(sheet, FOLDER / f"{name}.png")
        return
    with Image.open(sheet) as image:
        image.thumbnail((SIDE, SIDE))
        image.convert("RGB").save(FOLDER / f"{name}.jpg", quality=85)


def write(rows: dict[str, str | None]) -> None:
    """Writes RESULTS.md, and the comment in every measured experiment's file."""
    records = read_records(rows)
    TABLE.write_text(table(records, rows))
    for record in records:
        path = EXPERIMENTS / f"{record['experiment']}.yaml"
        path.write_text(annotated(path.read_text(), measured(record)))


def read_records(rows: dict[str, str | None]) -> list[dict[str, Any]]:
    """The records there are, in the order of the table."""
    files = [FOLDER / f"{name}.json" for name in rows]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def measured(record: dict[str, Any]) -> str:
    """A record in one line: time, and the figures that the model is for."""
    # Pictures made of noise alone are no samples of the data, so that a distance to it says little.
    count = 1 if not _learns(record) and "judge_agrees" in record["figures"] else 2
    time, figures = training_time(record), ", ".join(_shown(record)[:count])
    return f"{MEASURED} {'; '.join(filter(None, (time, figures)))} (RESULTS.md)."


def annotated(experiment: str, line: str) -> str:
    """The text of an experiment with `line` at the end of its opening comment."""
    lines = [old for old in experiment.splitlines() if not old.startswith(MEASURED)]
    end = next(i for i, old in enumerate(lines) if not old.startswith("#"))
    return "\n".join([*lines[:end], line, *lines[end:]]) + "\n"


def _overrides(path: Path, data: str) -> tuple[str, ...]:
    """What the table asks of every experiment that does not say it: samples, and a judge of them."""
    experiment = yaml.safe_load(path.read_text())
    judge, own = JUDGES.get(experiment["dataset"]), experiment.get("evaluation", {})
    if judge is None or own.get("samples") == 0 or "judge" in own:
        return (f"environment.data={data}",)
    judged = (f"evaluation.samples={SAMPLES}", f"evaluation.judge={judge}")
    return (f"environment.data={data}", *judged)


def figures(path: Path, data: str, root: str) -> dict[str, Any]:
    """The figures of the challenger, each with its protocol."""
    from sparkgen.config.load import load_experiment
    from sparkgen.pipeline.evaluate import logged_figures
    from sparkgen.tracking import registry

    experiment = load_experiment(path, overrides=_overrides(path, data), root=root)
    version = registry.require(experiment.environment, experiment.name, registry.CHALLENGER)
    return {name: figure._asdict() for name, figure in logged_figures(version).items()}


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


def table(records: list[dict[str, Any]], rows: dict[str, str | None]) -> str:
    """RESULTS.md from the records, and the published figures."""
    lines = [
        "# Results",
        "",
        "Every row by the command beside it. Likelihoods are negative, lower is better; protocols,",
        "sample counts, dataset version and judge are under the table, whole records in",
        "`benchmarks/results`. Training time is the wall time of the steps alone, on a processor without",
        "accelerator that for some rows did other work as well: an upper bound. A KID under zero by more",
        "than its error is what equal numbers of every class make of it: the estimate takes samples for",
        "independent ones, which would differ more from the data.",
        "",
        "| model | parameters | training | figures | published | samples |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row(record, rows[record["experiment"]]) for record in records),
        "",
        "## Protocols",
        "",
        *_protocols(records),
    ]
    return "\n".join(lines) + "\n"


def _row(record: dict[str, Any], published: str | None) -> str:
    name, train = record["experiment"], record["train"]
    grid = "".join(f"![{name}]({sheet.relative_to(Path.cwd())})" for sheet in _sheets(name))
    return (
        f"| {name}<br>`{record['command']}` | {train['parameters']:,.0f} "
        f"| {training_time(record)} | {'<br>'.join(_shown(record))} | {published or ''} | {grid} |"
    )


def _sheets(name: str) -> list[Path]:
    """The sheet of samples of an experiment that lies beside its record, if there is one."""
    return [p for p in (FOLDER / f"{name}.png", FOLDER / f"{name}.jpg") if p.exists()]


def training_time(record: dict[str, Any]) -> str:
    """How long the steps took, and on what; nothing of a model that learns nothing, and takes none."""
    if not _learns(record):
        return ""
    return f"{record['train']['training_seconds']:.0f} s on {record['cores']} cores"


def _learns(record: dict[str, Any]) -> bool:
    return bool(record["train"]["parameters"])


def _shown(record: dict[str, Any]) -> list[str]:
    figures = record["figures"]
    return [f"{title} {_number(figures[k])}" for k, title in FIGURES.items() if k in figures]


def _number(figure: dict[str, Any]) -> str:
    error = figure["standard_error"]
    return f"{figure['value']:.4g}" + (f" ± {error:.2g}" if error is not None else "")


def _protocols(records: list[dict[str, Any]]) -> list[str]:
    """Every protocol once, with the experiments measured by it."""
    measured: dict[str, list[str]] = {}
    for key, title in FIGURES.items():
        for record in records:
            if figure := record["figures"].get(key):
                protocol = (
                    f"{title}: {figure['protocol']}; {figure['rows']} rows, {figure['dataset']} "
                    f"{figure['dataset_version']}, seed {figure['seed']}"
                )
                measured.setdefault(protocol, []).append(record["experiment"])
    return [f"- {protocol} ({', '.join(names)})" for protocol, names in measured.items()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT")
    parser.add_argument("--data", default="../shared/data", help="folder of the source files")
    parser.add_argument("--root", default="runs/results", help="where the runs go")
    parser.add_argument("--table", action="store_true", help="only write RESULTS.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
