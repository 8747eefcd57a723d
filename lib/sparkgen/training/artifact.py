"""At its end a training saves the model, with the density from which its latents are drawn."""

import logging
import tempfile
from pathlib import Path
from typing import cast

import numpy as np

from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import batches_of, make_batch, open_split, read_rows
from sparkgen.datasets.storage import write_bytes
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.encoder_decoder import EncoderDecoder
from sparkgen.models.saving import save_model
from sparkgen.training.request import TrainRequest

log = logging.getLogger(__name__)
FOLDER = "model"


def save_trained(
    model: GenerativeModel, request: TrainRequest, manifest: Manifest, *, fitted: bool = False
) -> str:
    """Fits the density of latents, if the model needs one, and saves the model beside its checkpoints.

    Args:
        model: the model.
        request: its training.
        manifest: of the dataset version.
        fitted: the density is fitted already.

    Returns:
        The folder's path or URI.
    """
    experiment = request.experiment
    if model.has_latents and experiment.density.kind != "prior" and not fitted:
        fit_density(cast(EncoderDecoder, model), request, manifest)
    folder_uri = f"{request.checkpoint_uri}/{FOLDER}"
    with tempfile.TemporaryDirectory(prefix="sparkgen-model-") as name:
        save_model(
            name,
            model,
            name=experiment.model.name,
            options=experiment.model.options,
            density=experiment.density,
        )
        for path in sorted(Path(name).iterdir()):
            write_bytes(f"{folder_uri}/{path.name}", path.read_bytes())
    return folder_uri


def fit_density(model: EncoderDecoder, request: TrainRequest, manifest: Manifest) -> None:
    """Fits the density of the latents to the first `density.rows` training rows."""
    experiment = request.experiment
    split = open_split(request.version_uri, manifest, "train")
    rows = read_rows(split, 0, experiment.density.rows)
    latents = []
    for some in batches_of(rows, experiment.training.batch_size):
        batch = make_batch(some, split.record, model.training_noise, seed=experiment.training.seed)
        latents.append(np.asarray(model.latents(batch)))
    latents_NZ = np.concatenate(latents)
    kind = experiment.density.kind
    log.info("fitting the density (%s) to the latents of %d training rows", kind, len(latents_NZ))
    model.density.fit(latents_NZ, seed=experiment.training.seed)
