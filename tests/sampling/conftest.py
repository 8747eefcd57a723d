"""Small saved models: weights by a fixed seed, untrained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from parts import built

from sparkgen.datasets.captions import caption_form, word_tokenizer
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.models.discovery import build_model
from sparkgen.models.saving import save_model

SaveModel = Callable[..., Path]


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> SaveModel:
    """`saved_model(name, **options)`: the folder of a model for 8 by 8 grey images, 10 classes,
    of which training saw `seen`.
    """

    def save(name: str, seen: tuple[int, ...] | None = None, **options: Any) -> Path:
        keras.utils.set_random_seed(0)
        folder = tmp_path_factory.mktemp("model")
        model = built(name, options, DataSpec(ImageRecord((8, 8, 1)), 10, seen))
        save_model(folder, model, name=name, options=options)
        return folder

    return save


@pytest.fixture(scope="session")
def prompted_ddpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusion model of 8 by 8 pictures whose captions say `a thick seven` and the like."""
    keras.utils.set_random_seed(0)
    caption = caption_form(word_tokenizer(["a", "seven", "thick", "thin"]), 4)
    record = ImageRecord((8, 8, 1), caption=caption)
    options = {"channels": [8], "embedding": 16, "sampling_steps": 2, "prompts": True}
    model = build_model("diffusion.ddpm", options, DataSpec(record, 10))
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(0.2 * random.normal(size=variable.shape).astype(np.float32))
    folder = tmp_path_factory.mktemp("prompted")
    save_model(folder, model, name="diffusion.ddpm", options=options)
    return folder


@pytest.fixture(scope="session")
def autoencoder(saved_model: SaveModel) -> Path:
    return saved_model("reconstruction.dense_autoencoder", latent=4)


@pytest.fixture(scope="session")
def conditional_vae(saved_model: SaveModel) -> Path:
    return saved_model("variational.vae", latent=2, hidden=[8], conditional=True)
