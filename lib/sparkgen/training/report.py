"""The pictures of a training run, drawn by rank 0, which has the model in memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.feed.reader import read_rows
from sparkgen.models.classifier import Classifier
from sparkgen.models.contract import EncoderDecoder, GenerativeModel
from sparkgen.noise import row_noise
from sparkgen.tracking.charts import latent_map, loss_curves
from sparkgen.tracking.figures import image_grid, reconstruction_grid
from sparkgen.training.class_report import draw_classes

SAMPLES = 64
RECONSTRUCTIONS = 30
LATENTS = 2000
BATCH_ROWS = 100


def write_report(
    model: GenerativeModel,
    history: Sequence[Mapping[str, float]],
    *,
    experiment: ExperimentConfig,
    manifest: Manifest,
    version_uri: str,
    folder: str | Path,
) -> Path:
    """Writes `loss_curves.png` and `samples.png`; for encoder-decoders `reconstructions.png` and
    `latent_map.png`; for classifiers `confusion_matrix.png` and `predictions.png`.

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
    loss_curves(history, folder / "loss_curves.png")
    image_grid(draw_samples(model, experiment), folder / "samples.png")
    split = experiment.evaluation.split
    if split not in manifest.splits:
        return folder
    if isinstance(model, EncoderDecoder):
        rows = read_rows(version_uri, manifest, split=split, limit=LATENTS)
        _draw_latents(model, rows, manifest.class_names, folder)
    if isinstance(model, Classifier):
        draw_classes(model, manifest, version_uri=version_uri, split=split, folder=folder)
    return folder


def draw_samples(model: GenerativeModel, experiment: ExperimentConfig) -> npt.NDArray[Any]:
    """The first samples of the experiment's seed: float32 (N, H, W, C)."""
    import keras

    ids = np.arange(SAMPLES)
    noise = row_noise(model.noise, ids.tolist(), seed=experiment.sampling.seed)
    labels = (ids % model.spec.classes).astype(np.int32) if model.conditional else None
    images = model.generate(
        keras.ops.convert_to_tensor(noise),
        labels=None if labels is None else keras.ops.convert_to_tensor(labels),
        **experiment.sampling.options,
    )
    return np.asarray(keras.ops.convert_to_numpy(images))


def _draw_latents(
    model: EncoderDecoder,
    rows: Mapping[str, npt.NDArray[Any]],
    class_names: Sequence[str],
    folder: Path,
) -> None:
    images, labels = rows["image"], rows["label"]
    batches = [slice(n, n + BATCH_ROWS) for n in range(0, len(images), BATCH_ROWS)]
    latents = [_array(model.encode(images[b], labels=labels[b])) for b in batches]
    latent_map(np.concatenate(latents), labels, class_names, folder / "latent_map.png")
    x = images[:RECONSTRUCTIONS]
    x_hat = _array(model.reconstruct(x, labels=labels[:RECONSTRUCTIONS]))
    reconstruction_grid(x, x_hat, folder / "reconstructions.png")


def _array(tensor: Any) -> npt.NDArray[Any]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor))
