"""A dataset version of a few random pictures, or texts, and experiments on it."""

from pathlib import Path

import h5py
import numpy as np
import versions

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.captions import caption_form, encode_captions, word_tokenizer
from sparkgen.datasets.records import ImageRecord, TokenRecord

SHAPE = (4, 4, 1)
LANES = 4
CLASSES = 3
CAPTION = caption_form(word_tokenizer(["a", "b", "c"]), 3)


def write_version(
    folder: Path,
    *,
    train: int = 200,
    validation: int = 30,
    seed: int = 0,
    shape=SHAPE,
    captioned: bool = False,
) -> str:
    """Writes pictures that are a few patterns and noise; the version's path.

    With `captioned`, `a b` stands beside one of the class b.
    """
    random = np.random.default_rng(seed)
    patterns = random.uniform(0, 200, size=(CLASSES, *shape))
    splits = {}
    record = ImageRecord(shape, caption=CAPTION if captioned else None)
    for name, rows, files in (("train", train, 2 * LANES), ("validation", validation, 2)):
        labels = random.integers(0, CLASSES, rows).astype(np.int32)
        images = (patterns[labels] + random.uniform(0, 55, (rows, *shape))).astype(np.uint8)
        said = [f"a {'abc'[label]}" for label in labels]
        splits[name] = versions.write_split(
            folder,
            name,
            record,
            ids=np.arange(rows),
            labels=labels,
            data=images,
            captions=encode_captions(said, CAPTION).tokens if captioned else None,
            files=files,
        )
    versions.write_version(folder, record, splits, class_names="abc", lanes=LANES)
    return str(folder)


def write_texts(folder: Path, record: TokenRecord, *, train: int = 96, validation: int = 30) -> str:
    """Writes rows of random tokens, of which the last few of each are padding; the version's path."""
    random, splits = np.random.default_rng(0), {}
    for name, rows, files in (("train", train, 2 * LANES), ("validation", validation, 2)):
        data = random.integers(0, record.values, (rows, *record.shape))
        ends = random.integers(3, record.size + 1, (rows, 1))
        data = np.where(np.arange(record.size) < ends, data, record.padding).astype(record.dtype)
        labels = random.integers(0, CLASSES, rows)
        splits[name] = versions.write_split(
            folder, name, record, ids=np.arange(rows), labels=labels, data=data, files=files
        )
    versions.write_version(folder, record, splits, class_names="abc", lanes=LANES)
    return str(folder)


def request(version: str, checkpoints: Path, *, model=None, options=None, density=None, **training):
    """A training request for `training.worker.train`; `training` overrides the defaults."""
    experiment = ExperimentConfig.model_validate(
        {
            "name": "tiny",
            "dataset": {
                "name": "tiny",
                "source": {"format": "builtin"},
                "shape": list(SHAPE),
                "class_names": ["a", "b", "c"],
                "lanes": LANES,
            },
            "model": {
                "name": model or "reconstruction.dense_autoencoder",
                "options": options if options is not None else {"latent": 3},
            },
            "training": {"epochs": 3, "batch_size": 20, **training},
            "density": density or {},
            "environment": {"workers": 1},
        }
    )
    return {
        "experiment": experiment.model_dump(mode="json"),
        "version_uri": version,
        "checkpoint_uri": str(checkpoints),
        "run_id": None,
        "tracking_uri": None,
    }


def weights(result):
    """All numbers of a saved model's weights, in one vector."""
    with h5py.File(Path(result["model"]) / "model.weights.h5") as file:
        found = []
        file.visititems(lambda name, item: found.append(item) if hasattr(item, "shape") else None)
        return np.concatenate([np.ravel(item[()]) for item in found])


def same_weights(one, other):
    """Whether two saved models agree bit for bit."""
    return weights(one).tobytes() == weights(other).tobytes()


def without_clock(history):
    """A history without the figure that no two runs have in common."""
    return [{k: v for k, v in record.items() if k != "rows_per_second"} for record in history]
