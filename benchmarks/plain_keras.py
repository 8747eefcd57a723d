"""Plain Keras: `fit` over arrays in memory, the other side of benchmarks.train.

The launcher starts it as it starts our workers, so that both have the same threads.
"""

import time
from pathlib import Path
from typing import Any

from sparkgen.distribution.ring import Ring

Json = dict[str, Any]


def fit(request: Json, ring: Ring) -> Json:
    """Seconds of an epoch after the first.

    Args:
        request: `experiment`, `version_uri` as for training; `jit_compile` as for Keras, whose own
            choice is "auto".
        ring: not used.
    """
    import keras

    from sparkgen.config.load import parse
    from sparkgen.config.request import ExperimentConfig
    from sparkgen.training.optimizers import make_optimizer

    experiment = parse(ExperimentConfig, request["experiment"], source="the benchmark")
    config = experiment.training
    images, labels = _arrays(request["version_uri"])
    rows = len(images) // config.batch_size * config.batch_size  # whole batches, as ours
    model = _model(experiment, images.shape[1:])
    optimizer = make_optimizer(
        config.optimizer, total_steps=config.epochs * rows // config.batch_size
    )
    model.compile(optimizer=optimizer, jit_compile=request["jit_compile"])
    ends: list[float] = []
    model.fit(
        images[:rows],
        labels[:rows],
        batch_size=config.batch_size,
        epochs=config.epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(_now()))],
    )
    return {"seconds": (ends[-1] - ends[0]) / (len(ends) - 1)}


def _now() -> float:
    return time.monotonic()


def _model(experiment: Any, shape: tuple[int, ...]) -> Any:
    """The experiment's model, with steps that draw their noise inside, as a plain model has it."""
    import tensorflow as tf

    from sparkgen.datasets.records import DataSpec, ImageRecord
    from sparkgen.models.discovery import build_model

    spec = DataSpec(ImageRecord(shape), len(experiment.dataset.class_names))
    model = build_model(experiment.model.name, experiment.model.options, spec, experiment.density)
    base = type(model)

    def train_step(self: Any, data: Any) -> Any:
        image, label = data
        rows = tf.shape(image)[0]
        noise = {
            name: _draw(noise.distribution, (rows, *noise.shape))
            for name, noise in self.training_noise.items()
        }
        weight = tf.ones(rows)
        batch = {"image": image, "label": label, "weight": weight, "noise": noise}
        return base.train_step(self, (batch,))

    model.__class__ = type(base.__name__, (base,), {"train_step": train_step})
    return model


def _draw(distribution: str, shape: Any) -> Any:
    import tensorflow as tf

    return tf.random.normal(shape) if distribution == "normal" else tf.random.uniform(shape)


def _arrays(version_uri: str) -> Any:
    """float32 (N, H, W, C) in [0, 1] and int32 (N,)."""
    import numpy as np
    import pyarrow.dataset as ds

    from sparkgen.datasets.manifest import read_manifest

    shape = read_manifest(version_uri).shape
    table = ds.dataset(Path(version_uri) / "train").to_table()
    pixels = np.frombuffer(b"".join(table["image"].to_pylist()), np.uint8)
    images = pixels.reshape(-1, *shape).astype(np.float32) / 255.0
    return images, table["label"].to_numpy().astype(np.int32)
