"""Rank 0 draws the pictures of a training run, because it has the model in memory."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import first_rows
from sparkgen.drawing.charts import Units, loss_curves
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.models.declared import labels_of
from sparkgen.models.encoder_decoder import EncoderDecoder
from sparkgen.noise import row_noise
from sparkgen.training.attempt import attempt
from sparkgen.training.class_report import draw_classes
from sparkgen.training.latent_report import draw_latents

log = logging.getLogger(__name__)

SAMPLES = 64
LATENTS = 2000


def write_report(
    model: GenerativeModel,
    history: Sequence[Mapping[str, float]],
    *,
    experiment: ExperimentConfig,
    manifest: Manifest,
    version_uri: str,
    folder: str | Path,
) -> Path:
    """Writes the pictures of a trained model to a folder; a picture that fails is only a warning.

    They are `loss_curves.png` where there were epochs, `samples` in a file of the record's kind, what a
    model that has latents or classifies has to show besides (see `draw_latents` and `draw_classes`), and
    what it draws itself.

    Args:
        model: as trained.
        history: the epochs' figures.
        experiment: the request.
        manifest: the dataset version, of which `evaluation.split` is shown, if it has it.
        version_uri: where it is.
        folder: for the files, local.

    Returns:
        The folder.
    """
    folder = Path(folder)
    if history:
        with attempt("loss_curves.png"):
            units = dict.fromkeys(("loss", *model.loss_names), text_units(manifest))
            told = {name: both for name, both in units.items() if both is not None}
            loss_curves(history, folder / "loss_curves.png", units=told if model.writes else None)
    _write_samples(model, experiment, folder)
    split = experiment.evaluation.split
    if split not in manifest.splits:
        return folder

    def rows(limit: int) -> dict[str, Any]:
        return first_rows(version_uri, manifest, split=split, limit=limit)

    if model.has_latents:
        with attempt("pictures of the latents"):
            encoder = cast(EncoderDecoder, model)
            draw_latents(encoder, rows(LATENTS), manifest.class_names, folder)
    if model.classifies:
        with attempt("pictures of the classes"):
            draw_classes(model, manifest, version_uri=version_uri, split=split, folder=folder)
    with attempt("pictures of the model's own"):
        model.draw_report(rows, folder)
    return folder


def text_units(manifest: Manifest) -> Units | None:
    """Nats a token, as language models have them, and bits a byte; None where no text was counted."""
    counts = manifest.texts.get("train", {})
    if not counts.get("bytes"):
        return None
    places = manifest.split("train").rows * (manifest.spec.shape[0] - 1)
    return Units("nats a token", "bits a byte", places / counts["bytes"] / math.log(2))


def _write_samples(model: GenerativeModel, experiment: ExperimentConfig, folder: Path) -> None:
    """Writes `samples`, where the model makes any without being given more than labels."""
    record = model.spec.record
    file = f"samples{record.suffix}"
    if needed := [name for name, one in model.given.items() if _is_missing(one)]:
        names = ", ".join(needed)
        log.warning("no %s: %s must be given to the model; sparkgen sample gives it", file, names)
        return
    with attempt(file):
        record.draw(draw_samples(model, experiment), folder / file)


def draw_samples(model: GenerativeModel, experiment: ExperimentConfig) -> npt.NDArray[Any]:
    """The model's first samples for the experiment's seed; it gets each label in turn, if it needs one.

    Returns:
        (N, *shape), as the model sees them.
    """
    import keras

    ids = np.arange(SAMPLES)
    noise = row_noise(model.noise, ids.tolist(), seed=experiment.sampling.seed)
    given = {}
    for name, one in model.given.items():
        if one.required:
            labels = np.array(labels_of(one.choices, model.spec), np.int32)
            given[name] = keras.ops.convert_to_tensor(labels[ids % len(labels)])
    images = model.generate(
        keras.ops.convert_to_tensor(noise), given, **experiment.sampling.options
    )
    return np.asarray(keras.ops.convert_to_numpy(images))


def _is_missing(given: Given) -> bool:
    """Whether a model needs what a report has not: all but labels."""
    return given.required and given.what != "label"
