"""Writes RESULTS.md from the records of `benchmarks.results`, and what was measured into experiments."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.flagships import FLAGSHIPS, note_of, trained_by, write_card

FOLDER = Path(__file__).parent / "results"
TABLE = Path("RESULTS.md")
EXPERIMENTS = Path("conf/experiments")
MEASURED = "# Measured:"
FIGURES = {
    "nats_per_character": "nats a character",
    "bits_per_byte": "bits a byte",
    "perplexity": "perplexity of a token",
    "strided_nats_per_character": "nats a character, strided",
    "strided_bits_per_byte": "bits a byte, strided",
    "elbo_nats": "ELBO nats",
    "iwae_nats": "IWAE nats",
    "iwae_fitted_nats": "IWAE nats with the fitted prior",
    "exact_nats": "exact nats",
    "exact_bits_per_dim": "bits/dim",
    "mse": "mse",
    "accuracy": "accuracy",
    "robust_accuracy": "accuracy under attack",
    "fgsm_accuracy": "under FGSM",
    "changed_characters": "share of characters changed",
    "changed_words": "share of words changed",
    "queries": "queries a text",
    "kept": "right texts left as they are",
    "mended_1": "texts with one edit mended",
    "mended_2": "texts with two edits mended",
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
    "inception_fid": "FID (Inception)",
    "inception_kid": "KID (Inception)",
    "kid": "KID",
    "fid": "FID",
    "precision": "precision",
    "recall": "recall",
    "judge_confident": "judge > 0.9",
    "judge_confident_held_out": "judge > 0.9 of test pictures",
    "judge_classes_present": "classes present",
    **{
        f"{name}{suffix}": f"{title}{of}"
        for name, title in (
            ("distinct_2", "distinct pairs of words"),
            ("repetition", "repetition"),
            ("longest_run", "longest verbatim run in bytes"),
        )
        for suffix, of in (("", ""), ("_held_out", " of held-out text"))
    },
    "memorised": "memorised",
}
OF_IMAGES = {"exact_nats", "exact_bits_per_dim"}
"""Figures that say nothing more where there are nats a token."""
QUOTED = 280
"""Characters of a sheet of texts that the table quotes."""


def write(rows: dict[str, str | None]) -> None:
    """Writes RESULTS.md, and the comment in every measured experiment's file."""
    records, flagships = read_records(rows), read_records(FLAGSHIPS)
    TABLE.write_text(table(records, rows, flagships))
    for record in flagships:
        write_card(record["experiment"], record, shown_of_flagship(record))
    for record in [*records, *flagships]:
        path = EXPERIMENTS / f"{record['experiment']}.yaml"
        path.write_text(annotated(path.read_text(), measured(record)))


def read_records(rows: Iterable[str]) -> list[dict[str, Any]]:
    """The records there are, in the order of the table."""
    files = [FOLDER / f"{name}.json" for name in rows]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def measured(record: dict[str, Any]) -> str:
    """A record in one line: time, and the figures that the model is for."""
    # Pictures made of noise alone are no samples of the data, so that a distance to it says little.
    count = 1 if not _learns(record) and "judge_agrees" in record["figures"] else 2
    if record["experiment"] in FLAGSHIPS:
        by = note_of(record["experiment"])["trained_by"]
        time = f"{by['seconds']:.0f} s on {by['machine'].partition(',')[0]}"
        shown = shown_of_flagship(record)
    else:
        time, shown = training_time(record), _shown(record)
    figures = ", ".join(shown[:count])
    return f"{MEASURED} {'; '.join(filter(None, (time, figures)))} (RESULTS.md)."


def annotated(experiment: str, line: str) -> str:
    """The text of an experiment with `line` at the end of its opening comment."""
    lines = [old for old in experiment.splitlines() if not old.startswith(MEASURED)]
    end = next(i for i, old in enumerate(lines) if not old.startswith("#"))
    return "\n".join([*lines[:end], line, *lines[end:]]) + "\n"


def table(
    records: list[dict[str, Any]], rows: dict[str, str | None], flagships: list[dict[str, Any]]
) -> str:
    """RESULTS.md from the records, and the published figures."""
    lines = [
        "# Results",
        "",
        "## Flagships",
        "",
        "One a family. Their weights are in `pretrained/`, each with a card; the command beside a row",
        "samples it in a fresh clone, and makes what is shown, bit for bit with the same build of",
        "TensorFlow on the same kind of processor. `make results MODEL=NAME` measures it again from its",
        f"weights, on {_cores(flagships)} cores. Weights of the TensorFlow backend were trained by the",
        "experiment's own command on the machine that the row names; those of the JAX backend outside of",
        "this program, by its model files: there the command trains the same model, and for longer.",
        "A figure compares with the published one only where the column between them says that the",
        "protocol is the same. Judge, KID, FID, precision and recall are by the features of a classifier",
        "trained here. Times of sampling are those of the whole command, on cores that for some rows did",
        "other work as well: upper bounds. Protocols and sample counts are under the second table. A KID",
        "under zero by more than its error is what equal numbers of every class make of it: the estimate",
        "takes samples for independent ones, which would differ more from the data.",
        "",
        "| family | model | figures | published | same protocol | trained | samples |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_flagship_row(record) for record in flagships),
        "",
        "## Reference settings",
        "",
        "Every row by the command beside it. Likelihoods are negative, lower is better; protocols,",
        "sample counts, dataset version and judge are under the table, whole records in",
        "`benchmarks/results`. Training time is the wall time of the steps alone, on a processor without",
        "accelerator that for some rows did other work as well: an upper bound. A KID may be under zero,",
        "as above.",
        "",
        "| model | parameters | training | figures | published | samples |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row(record, rows[record["experiment"]]) for record in records),
        "",
        "## Protocols",
        "",
        *_protocols([*flagships, *records]),
    ]
    return "\n".join(lines) + "\n"


def _cores(flagships: list[dict[str, Any]]) -> str:
    return " or ".join(str(n) for n in sorted({record["cores"] for record in flagships}))


def _flagship_row(record: dict[str, Any]) -> str:
    name, sample = record["experiment"], record["sample"]
    flagship, note = FLAGSHIPS[name], note_of(name)
    grid = "<br>".join(_shown_sheet(name, sheet) for sheet in sheets_of(name))
    return (
        f"| {flagship['family']} | {name}, {record['train']['parameters']:,.0f} parameters"
        f"<br>`{sample['command']}` | {'<br>'.join(shown_of_flagship(record))} "
        f"| {flagship.get('published', '')} | {flagship.get('comparable', '')} | {trained_by(note)} "
        f"| {sample['count']} in {sample['seconds']:.0f} s<br>{grid} |"
    )


def shown_of_flagship(record: dict[str, Any]) -> list[str]:
    """The figures of a flagship that the table shows, in words."""
    found = record["figures"]
    keys = [key for key in FLAGSHIPS[record["experiment"]]["figures"] if key in found]
    return [f"{FIGURES[key]} {_number(found[key])}" for key in keys]


def _row(record: dict[str, Any], published: str | None) -> str:
    name, train = record["experiment"], record["train"]
    grid = "<br>".join(_shown_sheet(name, sheet) for sheet in sheets_of(name))
    return (
        f"| {name}<br>`{record['command']}` | {train['parameters']:,.0f} "
        f"| {training_time(record)} | {'<br>'.join(_shown(record))} | {published or ''} | {grid} |"
    )


def sheets_of(name: str) -> list[Path]:
    """The sheet of samples of an experiment that lies beside its record, if there is one."""
    files = (FOLDER / f"{name}{suffix}" for suffix in (".png", ".jpg", ".txt"))
    return [file for file in files if file.exists()]


def _shown_sheet(name: str, sheet: Path) -> str:
    """A sheet in a cell of the table: a picture, or the beginning of the texts."""
    there = os.path.relpath(sheet)
    if sheet.suffix != ".txt":
        return f"![{name}]({there})"
    return f"{quoted(sheet.read_text())}<br>[{sheet.name}]({there})"


def quoted(sheet: str) -> str:
    """The first text of a sheet, or its beginning, as one cell of a table."""
    first = sheet.split("\n-- 0 ", 1)[-1].split("\n", 1)[-1].split("\n-- 1 ", 1)[0].strip()
    short = first if len(first) <= QUOTED else f"{first[:QUOTED].rsplit(None, 1)[0]} …"
    for mark in "\\`*_|<>[]":
        short = short.replace(mark, f"&#{ord(mark)};")
    return "<br>".join(line for line in short.splitlines() if line.strip())


def training_time(record: dict[str, Any]) -> str:
    """How long the steps took, and on what; nothing of a model that learns nothing, and takes none."""
    if not _learns(record):
        return ""
    source = f", from the weights of {record['start_from']}" if "start_from" in record else ""
    return f"{record['train']['training_seconds']:.0f} s on {record['cores']} cores{source}"


def _learns(record: dict[str, Any]) -> bool:
    return bool(record["train"]["parameters"])


def _shown(record: dict[str, Any]) -> list[str]:
    found = _told(record["figures"])
    return [f"{title} {_number(found[k])}" for k, title in FIGURES.items() if k in found]


def _told(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures without those that mean nothing for texts, where they are of texts."""
    left_out = OF_IMAGES if "nats_per_token" in figures else set()
    return {name: figure for name, figure in figures.items() if name not in left_out}


def _number(figure: dict[str, Any]) -> str:
    error = figure["standard_error"]
    return f"{figure['value']:.4g}" + (f" ± {error:.2g}" if error is not None else "")


def _protocols(records: list[dict[str, Any]]) -> list[str]:
    """Every protocol once, with the experiments measured by it."""
    measured: dict[str, list[str]] = {}
    for key, title in FIGURES.items():
        for record in records:
            if figure := _told(record["figures"]).get(key):
                protocol = (
                    f"{title}: {figure['protocol']}; {figure['rows']} rows, {figure['dataset']} "
                    f"{figure['dataset_version']}, seed {figure['seed']}"
                )
                measured.setdefault(protocol, []).append(record["experiment"])
    return [f"- {protocol} ({', '.join(names)})" for protocol, names in measured.items()]
