"""Naive Bayes takes the pixels of an image as independent, given the class.

Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.2.3. p(x | y) = Π_t θ_{y, t, x_t}
with smoothed maximum-likelihood estimates, counted in one pass,

    θ_{y, t, v} = (n_{y, t, v} + α) / (n_y + α L),

for L levels; L = 2 is the Bernoulli form, L = 256 the multinomial one. p(x) = Σ_y p(y) p(x | y).
Where pixels are binarised by draws, their expectation is counted: n_{y, t, 1} = Σ x_t. Over all
classes alike (`per_class: false`) it is the model of independent pixels.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.labels import accuracy
from sparkgen.layers.levels import draw_level
from sparkgen.models.autoregressive._base import PixelConfig, PixelModel
from sparkgen.models.contract import LABEL, Batch, Direction, GenerativeModel, Statistics, Tensor
from sparkgen.noise import NoiseSpec


class Config(PixelConfig):
    """Options of Naive Bayes."""

    per_class: bool = True
    """Whether each class has its own pixels."""
    smoothing: float = Field(1.0, gt=0)
    """α, added to the count of every level and of every class."""


class NaiveBayes(PixelModel):
    """Tables of log-probabilities: of the classes (Y), and of the levels by class (K, T, L).

    Shape suffixes: B rows, Y classes, K tables (Y, or 1 for all classes alike), T pixels, L levels.
    """

    learns = "counting"
    metric_names = ("bits_per_dim", "accuracy")
    metric_directions: ClassVar[Mapping[str, Direction]] = {
        "bits_per_dim": "lower",
        "accuracy": "higher",
    }

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, binarisation=config.binarisation, levels=config.levels, **kwargs)
        self.smoothing, self.given = config.smoothing, LABEL if config.per_class else {}
        self.noise = NoiseSpec(spec.shape, "uniform")
        shape = (spec.classes if config.per_class else 1, spec.size, self.levels)
        self.log_prior_Y = self._table("log_prior", (spec.classes,))
        self.log_levels_KTL = self._table("log_levels", shape)

    def statistics(self, batch: Batch) -> Statistics:
        """`classes` (Y,) and `levels` (K, T, L): how many rows had each class and level."""
        label_B, weight_B = np.asarray(batch["label"]), np.asarray(batch["weight"], np.float64)
        tables, pixels, levels = self.log_levels_KTL.shape
        classes_Y = np.zeros(self.spec.classes)
        np.add.at(classes_Y, label_B, weight_B)
        k_B1 = label_B[:, None] if self.conditional else np.zeros((label_B.size, 1), np.int64)
        cell_BT = (k_B1.astype(np.int64) * pixels + np.arange(pixels)) * levels
        counts = np.zeros(tables * pixels * levels)
        for level, share_BT in self._shares(batch):
            weights_BT = share_BT * weight_B[:, None]
            counts += np.bincount((cell_BT + level).ravel(), weights_BT.ravel(), counts.size)
        return {"classes": classes_Y, "levels": counts.reshape(tables, pixels, levels)}

    def fit_statistics(self, totals: Mapping[str, npt.NDArray[np.float64]]) -> None:
        for table, counts in (
            (self.log_prior_Y, totals["classes"]),
            (self.log_levels_KTL, totals["levels"]),
        ):
            smooth = counts + self.smoothing
            table.assign(np.log(smooth / smooth.sum(-1, keepdims=True)))

    def log_joint(self, level: Tensor) -> Tensor:
        """Log p(x, y) in nats of images, int32 (B, H, W, C) levels, with every class: (B, Y)."""
        _, pixels, levels = self.log_levels_KTL.shape
        by_cell = ops.reshape(ops.transpose(self.log_levels_KTL, (1, 2, 0)), (pixels * levels, -1))
        cell_BT = ops.reshape(level, (-1, pixels)) + np.arange(pixels, dtype=np.int32) * levels
        return self.log_prior_Y + ops.sum(ops.take(by_cell, cell_BT, axis=0), axis=1)

    def log_posterior(self, level: Tensor) -> Tensor:
        """Log p(y | x) in nats: (B, Y)."""
        return ops.log_softmax(self.log_joint(level))

    def log_probability(self, level: Tensor) -> Tensor:
        return ops.logsumexp(self.log_joint(level), axis=-1)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        hit_B = accuracy(batch["label"], self.log_joint(self.level(batch)))
        return {**super().loss_terms(batch, training=training), "accuracy": hit_B}

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        noise = ops.convert_to_tensor(noise, "float32")
        k_B = given["label"] if self.conditional else ops.zeros(noise.shape[:1], "int32")
        logits_BTL = ops.take(self.log_levels_KTL, k_B, axis=0)
        level_BT = draw_level(logits_BTL, ops.reshape(noise, (-1, self.spec.size)))
        x_BT = ops.cast(level_BT, "float32") / (self.levels - 1)
        return ops.reshape(x_BT, (-1, *self.spec.shape))

    def _shares(self, batch: Batch) -> list[tuple[Any, npt.NDArray[np.float64]]]:
        """Levels, and how much of each pixel counts as that level: (B, T)."""
        if self.binarisation == "dynamic":
            one_BT = np.asarray(batch["image"], np.float64).reshape(-1, self.spec.size)
            return [(0, 1 - one_BT), (1, one_BT)]
        level_BT = np.asarray(self.level(batch)).reshape(-1, self.spec.size)
        return [(level_BT, np.ones(level_BT.shape))]

    def _table(self, name: str, shape: tuple[int, ...]) -> Any:
        table = self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)
        table.assign(np.full(shape, -np.log(shape[-1]), np.float32))
        return table


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """Naive Bayes for images of `spec.shape`."""
    return NaiveBayes(config, spec, name="naive_bayes")
