"""Keeps the card of a model version: its description in MLflow, and `model_card.md` among the artifacts.

Every step that learns something of a version writes its card anew. A card that cannot be written is told,
and ends no step.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparkgen.config.experiment import Gate
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.storage import read_bytes
from sparkgen.errors import SparkgenError
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.promotion import broken
from sparkgen.models.discovery import model_module
from sparkgen.pipeline.figures import logged_figures
from sparkgen.pipeline.version import version_by_id
from sparkgen.sampling.sample_set import Sampled
from sparkgen.tracking import registry
from sparkgen.tracking.card import CARD, Card, card, short_card
from sparkgen.tracking.registry import ModelVersion
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.tracking.runs import attach
from sparkgen.tracking.server import tracking_uri
from sparkgen.training.attempt import attempt

SHEETS = "samples"
"""The folder of contact sheets among a run's artifacts."""
NEWEST = "sparkgen.newest_sheet"
"""The tag of a run with the id of the sample set of which it has got the contact sheet last."""
MOST_PICTURE_BYTES = 1 << 20
VERDICT = "gates"
"""The tag of a version that says what the gates of its experiment said of it."""


def renew_card(experiment: ExperimentConfig, version: ModelVersion) -> None:
    """Writes what is known of a model version by now."""
    with attempt(f"card of {version.uri}"):
        run = attach(tracking_uri(experiment.environment), version.run_id)
        values = _card(experiment, version, run)
        run.text(card(values), CARD)
        registry.describe(experiment.environment, version, short_card(values))


def log_sheet(experiment: ExperimentConfig, version: ModelVersion, made: Sampled) -> None:
    """Uploads the contact sheet of a sample set to the run of the version that made it.

    A card shows the newest one, of which the run's tag `NEWEST` has the name.
    """
    with (
        attempt(f"contact sheet in the run of {version.uri}"),
        tempfile.TemporaryDirectory() as folder,
    ):
        run = attach(tracking_uri(experiment.environment), version.run_id)
        for uri in made.sheets:
            sheet = Path(folder, made.sample_set.id + Path(uri).suffix)
            sheet.write_bytes(read_bytes(uri))
            run.artifact(sheet, SHEETS)
        run.tags({NEWEST: made.sample_set.id})


def _card(experiment: ExperimentConfig, version: ModelVersion, run: RunLogger) -> Card:
    figures = logged_figures(experiment.environment, version)
    found = run.client.get_run(run.run_id)
    sheets = sheets_in(run)
    facts = _facts(experiment, version, dict(found.data.metrics))
    return Card(
        uri=version.uri,
        run_id=run.run_id,
        experiment_id=found.info.experiment_id,
        summary=_summary(experiment),
        facts=facts,
        figures=[_row(name, figure) for name, figure in sorted(figures.items())],
        gates=judged_gates(experiment.all_gates, figures, version.tags.get(VERDICT)),
        sheets=sheets,
        picture=_picture(run, sheets),
        interface=registry.interface(experiment.environment, version),
    )


def sheets_in(run: RunLogger) -> list[str]:
    """The artifacts of a run that show samples, those of the newest sample set first."""
    newest = run.client.get_run(run.run_id).data.tags.get(NEWEST)
    sheets = sorted(run.files(SHEETS), key=lambda sheet: Path(sheet).stem != newest)
    return sheets + [file for file in run.files("report") if "/samples." in file]


def _picture(run: RunLogger, sheets: Sequence[str]) -> bytes | None:
    """The first sheet that is a picture and small enough to stand in a text."""
    drawn = [sheet for sheet in sheets if sheet.endswith(".png")]
    data = run.content(drawn[0]) if drawn else b""
    return data if 0 < len(data) <= MOST_PICTURE_BYTES else None


def _summary(experiment: ExperimentConfig) -> str:
    """The first paragraph that the model's module says of itself; its name where there is none."""
    name = experiment.model.name
    try:
        text = (model_module(name).__doc__ or "").strip()
    except (ImportError, SparkgenError):  # a user's own, which is elsewhere
        text = ""
    said = " ".join(text.partition("\n\n")[0].split())
    return f"`{name}`. {said}".strip()


def _facts(
    experiment: ExperimentConfig, version: ModelVersion, metrics: Mapping[str, float]
) -> dict[str, str]:
    facts = {"experiment": experiment.name, "model": f"`{experiment.model.name}`"}
    if (data := version.tags.get("dataset_version")) is not None:
        facts["data"] = f"`{experiment.dataset.name}`, version `{data}`"
        with attempt("account of the data in the card"):
            facts |= _data(version_by_id(experiment, data).manifest)
    for name, words in (("parameters", "parameters"), ("training_seconds", "seconds of training")):
        if name in metrics:
            facts[words] = f"{metrics[name]:,.0f}"
    parts = (tag for tag in version.tags if tag.startswith("part_"))
    further = ("started_from", "weights_sha256", "trained_on", *parts)
    return facts | {tag: version.tags[tag] for tag in further if tag in version.tags}


def _data(manifest: Manifest) -> dict[str, str]:
    rows = ", ".join(f"{split.rows:,} {name}" for name, split in manifest.splits.items())
    facts = {"records": str(manifest.spec.record), "rows": rows}
    if len(manifest.class_names) > 1:
        facts["classes"] = ", ".join(manifest.class_names[:20])
    if (download := manifest.config.get("download")) and download.get("licence"):
        facts["licence of the data"] = str(download["licence"])
    return facts


def _row(name: str, figure: Figure) -> tuple[str, ...]:
    error = "" if figure.standard_error is None else f" ± {figure.standard_error:.2g}"
    return (name, f"{figure.value:.5g}{error}", figure.split, f"{figure.rows:,}", figure.protocol)


def judged_gates(
    gates: Sequence[Gate], figures: Mapping[str, Figure], verdict: str | None
) -> list[tuple[str, str]]:
    """Each gate with what it says of the figures, and what `promote` said of them all."""
    rows = [
        (_condition(gate), "; ".join(broken(number, gate, figures)) or _holds(gate))
        for number, gate in enumerate(gates)
    ]
    return rows if verdict is None else [*rows, ("all of them, at promotion", verdict)]


def _holds(gate: Gate) -> str:
    return "yes" if gate.max_regression is None else "beside a champion, at promotion"


def _condition(gate: Gate) -> str:
    bounds = []
    if gate.min is not None:
        bounds.append(f"at least {gate.min:g}")
    if gate.max is not None:
        bounds.append(f"at most {gate.max:g}")
    if gate.max_regression is not None:
        bounds.append(f"at most {gate.max_regression:.0%} worse than the champion's")
    return f"{gate.metric} {', '.join(bounds)}"
