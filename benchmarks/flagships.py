"""Measures the flagships from the weights in `pretrained/`, and writes their cards.

A flagship runs through the pipeline with its weights file in the place of training; its sheet is that of
`sparkgen sample EXPERIMENT --pretrained`, whose files of samples the record has the SHA-256 of.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.pretrained import FOLDER

FLAGSHIPS = yaml.safe_load((Path(__file__).parent / "flagships.yaml").read_text())

VECTORS = ("amx_bf16", "avx512_bf16", "avx512_vnni", "avx512f", "avx2", "avx")
"""Extensions of processors by which TensorFlow chooses how it multiplies, the newest first."""


def note_of(name: str) -> dict[str, Any]:
    """What `pretrained/NAME.yaml` says."""
    return dict(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))


def run_options(name: str, data: str) -> list[str]:
    """What `sparkgen run` is asked for beside what it is asked for any experiment."""
    options = ["--weights", str(FOLDER / note_of(name)["weights"])]
    for override in FLAGSHIPS[name].get("set", []):
        options += ["--set", override.replace("{data}", data)]
    return options


def sampled(path: Path, root: str) -> dict[str, Any]:
    """Samples a flagship by its weights alone, and says what was made, how long it took, and where."""
    command = ["sample", str(path), "--pretrained", "--root", f"{root}/pretrained"]
    program, start = Path(sys.executable).with_name("sparkgen"), time.monotonic()
    done = subprocess.run([program, *command], stdout=subprocess.PIPE, check=True)
    seconds = time.monotonic() - start
    made = json.loads(done.stdout.splitlines()[-1])
    manifest = json.loads((Path(made["samples"]) / "manifest.json").read_text())
    return {
        "command": f"sparkgen sample {path} --pretrained",
        "contact_sheet": made["contact_sheet"],
        "count": made["count"],
        "seed": manifest["config"]["seed"],
        "seconds": round(seconds, 1),
        "files": [file["sha256"] for file in manifest["files"]],
        "made_with": made_with(),
    }


def made_with() -> dict[str, str]:
    """What the bits of samples depend on: the build of TensorFlow, and the processor."""
    import importlib.metadata

    installed = importlib.metadata.distributions()
    found = {d.metadata["Name"].replace("_", "-"): d.version for d in installed}
    tensorflow = next(n for n in ("tensorflow-cpu", "tensorflow") if n in found)
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    said: dict[str, str] = {}
    for line in lines:
        said.setdefault(line.partition("\t")[0], line.partition(": ")[2])
    flags = said.get("flags", "").split()
    vectors = next((flag for flag in VECTORS if flag in flags), "no AVX")
    return {
        "tensorflow": f"{tensorflow} {found[tensorflow]}",
        "processor": f"{said.get('model name', 'unknown')} with {vectors}",
    }


def write_card(name: str, record: dict[str, Any], figures: list[str]) -> None:
    """Writes `pretrained/NAME.md`: what the weights are, and what was measured of them."""
    (FOLDER / f"{name}.md").write_text(card(name, record, figures))


def card(name: str, record: dict[str, Any], figures: list[str]) -> str:
    """The card of a flagship.

    Args:
        name: its experiment.
        record: of the measurement.
        figures: those that are shown, in words.
    """
    note, flagship = note_of(name), FLAGSHIPS[name]
    trained = note["trained_by"]
    versions = ", ".join(f"{package} {version}" for package, version in note["versions"].items())
    sheet, said = (
        os.path.relpath(Path("benchmarks/results") / f"{name}{suffix}", FOLDER)
        for suffix in (".png", ".json")
    )
    lines = [
        f"# {name}",
        "",
        f"Pretrained weights of `conf/experiments/{name}.yaml` ({flagship['family']}). "
        f"`{record['sample']['command']}` samples them.",
        "",
        f"- weights: `{note['weights']}`, SHA-256 `{note['sha256']}`",
        f"- parameters: {record['train']['parameters']:,.0f}",
        f"- trained on: {note['trained_on']}",
        f"- trained by: {trained_by(note)}, policy {trained['policy']}, seed {note['seed']}, {versions}",
        f"- measured on {record['cores']} cores: {'; '.join(figures)} ([protocols and counts]({said}))",
        f"- published: {flagship['published']}" if "published" in flagship else None,
        f"- protocols comparable: {flagship['comparable']}" if "comparable" in flagship else None,
        f"- samples: {record['sample']['count']} of seed {record['sample']['seed']}, the same bits with "
        f"{' and '.join(record['sample']['made_with'].values())}",
        "",
        f"![samples]({sheet})",
    ]
    return "\n".join(line for line in lines if line is not None) + "\n"


def trained_by(note: dict[str, Any]) -> str:
    """The machine, the backend, and how long the steps took."""
    by = note["trained_by"]
    backend = {"jax": "JAX", "tensorflow": "TensorFlow"}[by["backend"]]
    return (
        f"{by['machine']} ({backend} backend), {by['steps']:,} steps, {by['epochs']:g} epochs, "
        f"{by['seconds']:.0f} s"
    )
