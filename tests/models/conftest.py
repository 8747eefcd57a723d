"""What the model tests share: models of any options, batches of scikit-learn's digits, training."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from parts import built, spec_of, words
from sklearn.datasets import load_digits

from sparkgen.config.experiment import DensityConfig
from sparkgen.models.contract import Batch, GenerativeModel
from sparkgen.noise import Stream, row_noises

Build = Callable[..., GenerativeModel]


@pytest.fixture
def build() -> Build:
    """`build(name, shape=(8, 8, 1), density=None, **options)`: a model, weights by a fixed seed."""

    def make(
        name: str,
        shape: tuple[int, int, int] = (8, 8, 1),
        density: DensityConfig | None = None,
        **options: Any,
    ) -> GenerativeModel:
        keras.utils.set_random_seed(0)
        return built(name, options, spec_of(name, shape), density)

    return make


@pytest.fixture(scope="session")
def untrained() -> Callable[..., GenerativeModel]:
    """`untrained(name, options)`: as `build`, for 8 by 8 pictures, once for all tests; train none."""
    made: dict[str, GenerativeModel] = {}

    def find(name: str, options: dict[str, Any]) -> GenerativeModel:
        if name not in made:
            keras.utils.set_random_seed(0)
            made[name] = built(name, options, spec_of(name))
        return made[name]

    return find


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1,797 digits: float32 (N, 8, 8, 1) in [0, 1], and int32 labels (N,)."""
    images, labels = load_digits(return_X_y=True)
    return (images / 16).astype(np.float32).reshape(-1, 8, 8, 1), labels.astype(np.int32)


@pytest.fixture
def batch_of(digits: tuple[np.ndarray, np.ndarray]) -> Callable[..., Batch]:
    """`batch_of(model, rows=16, first=0, seed=0)`: digits, enlarged to the model's shape, or words."""

    def make(model: GenerativeModel, rows: int = 16, first: int = 0, seed: int = 0) -> Batch:
        ids = np.arange(first, first + rows)
        batch = {
            "id": ids.astype(np.int64),
            "label": digits[1][ids],
            "weight": np.ones(rows, np.float32),
            "noise": row_noises(model.training_noise, ids, seed=seed, stream=Stream.TRAIN),
        }
        if model.spec.record.kind == "tokens":
            return {**batch, "tokens": sentences(ids, model.spec.size)}
        height, width, channels = model.spec.shape
        pick = np.ix_(ids, np.arange(height) * 8 // height, np.arange(width) * 8 // width)
        return {**batch, "image": np.repeat(digits[0][pick], channels, axis=-1)}

    return make


def sentences(ids: np.ndarray, length: int) -> np.ndarray:
    """Token records of a few words each, the last ones of a row padded: int32 (N, length)."""
    some = ("the cat sat", "a dog ran", "on the mat", "to the cat")
    tokens = np.full((len(ids), length), words().size, np.int32)
    for row, row_id in enumerate(ids.tolist()):
        text = " ".join(np.random.default_rng(row_id).choice(some, 1 + length // 3))
        text = words().encode(text)[: length - row_id % 3]
        tokens[row, : len(text)] = text
    return tokens


@pytest.fixture
def train() -> Callable[..., None]:
    """`train(model, batches, learning_rate=1e-3)`: one step of Adam a batch, as a worker does it."""

    def run(model: GenerativeModel, batches: list[Batch], learning_rate: float = 1e-3) -> None:
        import tensorflow as tf

        groups = model.optimizer_groups()
        optimizers = {name: keras.optimizers.Adam(learning_rate) for name in groups}
        for name, variables in groups.items():
            optimizers[name].build(variables)
        model.set_optimizers(optimizers)
        step = tf.function(
            lambda batch: model.train_step((batch,)), autograph=False, reduce_retracing=True
        )
        for batch in batches:
            step({k: tf.nest.map_structure(tf.convert_to_tensor, v) for k, v in batch.items()})

    return run


@pytest.fixture
def parameters() -> Callable[..., int]:
    """`parameters(layer_or_model)`: how many trainable numbers it has."""
    return lambda layer: sum(int(np.prod(v.shape)) for v in layer.trainable_variables)
