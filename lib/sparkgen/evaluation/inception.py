"""Computes distances of samples in the features of Inception v3, as papers quote them.

Heusel et al., 2017 (FID), and Bińkowski et al., 2018 (KID): features are the 2,048 averages of the last
convolutions, of pictures made 299 × 299 bilinearly, grey ones in all three channels. The network is
Keras' with ImageNet's weights; the authors' own is of 2015 and another one, so that a difference of some
units to their figures says little.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.files import StoredFile
from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import read_column
from sparkgen.evaluation.distances import LEAST_BLOCKS, frechet_distance, kernel_distance
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INCEPTION = ("inception_fid", "inception_kid")
NETWORK = "InceptionV3"
SIDE = 299
ROWS = 50
"""Pictures that the network sees at once."""


def inception_features(network: Any, pictures_BHWC: Any) -> npt.NDArray[np.float32]:
    """The features of pictures: float32 (B, 2048).

    Args:
        network: a model of `pretrained.keras_application`, with its top or without.
        pictures_BHWC: float32 in [0, 1], of 1 or 3 channels.
    """
    import keras
    from keras import ops

    x = ops.image.resize(network.in_colour(ops.convert_to_tensor(pictures_BHWC)), (SIDE, SIDE))
    last = network.activation_names[-1]
    if network.include_top:
        return np.asarray(network.features(x))
    return np.asarray(keras.ops.mean(network.answers(x, [last])[last], axis=(1, 2)))


def inception_values(
    spark: "SparkSession",
    packed: PortableModel,
    sample_files: Sequence[StoredFile],
    real_files: Sequence[StoredFile],
    record: Record,
    order: npt.NDArray[np.integer[Any]],
) -> Mapping[str, tuple[float, str, float | None]]:
    """The value, protocol and standard error of each figure of `INCEPTION`.

    Args:
        spark: the session.
        packed: the network.
        sample_files: Parquet files of samples.
        real_files: those that they are held against.
        record: of both.
        order: a permutation of the rows of the latter.
    """
    shared = spark.sparkContext.broadcast(packed)
    try:
        samples = _features(spark, shared, sample_files, record)
        real = _features(spark, shared, real_files, record)[order]
    finally:
        shared.unpersist()
    how = f"{len(samples)} samples against {len(real)} rows, Keras' {NETWORK}, {packed.digest}"
    kid = kernel_distance(samples, real)
    return {
        "inception_fid": (frechet_distance(samples, real), f"FID, {how}", None),
        "inception_kid": (
            kid.value,
            f"KID, cubic kernel, {LEAST_BLOCKS} blocks or more, {how}",
            kid.standard_error,
        ),
    }


def _features(
    spark: "SparkSession", shared: Any, files: Sequence[StoredFile], record: Record
) -> npt.NDArray[np.float32]:
    def look(file: StoredFile) -> Iterator[npt.NDArray[np.float32]]:
        network, rows = unpack(shared.value), read_column(file, record)
        firsts = range(0, len(rows), ROWS)
        batches = (record.to_model(rows[first : first + ROWS]) for first in firsts)
        yield np.concatenate([inception_features(network, batch) for batch in batches])

    return np.concatenate(run_each(spark, look, files))
