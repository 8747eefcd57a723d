"""The mixture of Bernoullis is Naive Bayes with hidden classes, fitted by EM.

Bishop, "Pattern Recognition and Machine Learning", 2006, section 9.3.3. With weights π and means μ,

    p(x) = Σ_k π_k Π_t μ_kt^{x_t} (1 - μ_kt)^{1 - x_t}.

An epoch is one step of EM: the responsibilities r_k = p(k | x) of all rows are summed (E), and

    π_k = (Σ r_k + s) / (n + K s),   μ_kt = (Σ r_k x_t + s) / (Σ r_k + 2 s)   (M).

What differs: the smoothing s keeps means off 0 and 1, and with dynamic binarisation every epoch sees
new draws of the pixels.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from keras import initializers, ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.levels import draw_level
from sparkgen.models.autoregressive._base import PixelModel
from sparkgen.models.contract import Batch, GenerativeModel, Statistics, Tensor
from sparkgen.noise import NoiseSpec

RESOLUTION = 1e-6  # of float32 near 1: a mean that rounds to 1 would have no logarithm


class Config(Strict):
    """Options of the mixture of Bernoullis."""

    components: int = Field(100, gt=0)
    """K."""
    smoothing: float = Field(0.1, gt=0)
    """s, in rows."""
    binarisation: Literal["dynamic", "threshold"] = "dynamic"
    """How pixels are made binary."""


class MixtureOfBernoullis(PixelModel):
    """Weights (K,) and means (K, T) of the components.

    Shape suffixes: B rows, K components, T pixels.
    """

    learns = "counting"

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, binarisation=config.binarisation, **kwargs)
        self.smoothing = config.smoothing
        self.noise = NoiseSpec((spec.size + 1,), "uniform")
        shape = (config.components, spec.size)
        self.weights_K = self.add_weight(
            shape=shape[:1],
            initializer=initializers.Constant(1 / config.components),
            trainable=False,
            name="weights",
        )
        # Bishop's start: far enough from 1/2 that the components differ.
        self.means_KT = self.add_weight(
            shape=shape,
            initializer=initializers.RandomUniform(0.25, 0.75),
            trainable=False,
            name="means",
        )

    def log_joint(self, level: Tensor) -> Tensor:
        """Log p(x, k) in nats of images, int32 (B, H, W, C) levels, with every component: (B, K)."""
        x_BT = ops.cast(ops.reshape(level, (-1, self.spec.size)), "float32")
        log_on_KT, log_off_KT = ops.log(self.means_KT), ops.log1p(-self.means_KT)
        log_x_BK = ops.matmul(x_BT, ops.transpose(log_on_KT - log_off_KT))
        return ops.log(self.weights_K) + log_x_BK + ops.sum(log_off_KT, axis=-1)

    def log_probability(self, level: Tensor) -> Tensor:
        return ops.logsumexp(self.log_joint(level), axis=-1)

    def statistics(self, batch: Batch) -> Statistics:
        """`rows` (K,) and `ones` (K, T): responsibilities, and pixels weighted by them."""
        level = self.level(batch)
        responsibility_BK = np.asarray(ops.softmax(self.log_joint(level)), np.float64)
        responsibility_BK *= np.asarray(batch["weight"], np.float64)[:, None]
        x_BT = np.asarray(level, np.float64).reshape(-1, self.spec.size)
        return {"rows": responsibility_BK.sum(0), "ones": responsibility_BK.T @ x_BT}

    def fit_statistics(self, totals: Mapping[str, npt.NDArray[np.float64]]) -> None:
        rows_K, s = totals["rows"], self.smoothing
        self.weights_K.assign((rows_K + s) / (rows_K.sum() + rows_K.size * s))
        means_KT = (totals["ones"] + s) / (rows_K[:, None] + 2 * s)
        self.means_KT.assign(np.clip(means_KT, RESOLUTION, 1 - RESOLUTION))

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        noise = ops.convert_to_tensor(noise, "float32")
        logits_BK = ops.broadcast_to(
            ops.log(self.weights_K), (noise.shape[0], self.weights_K.shape[0])
        )
        means_BT = ops.take(self.means_KT, draw_level(logits_BK, noise[:, 0]), axis=0)
        on_BT = ops.cast(noise[:, 1:] < means_BT, "float32")
        return ops.reshape(on_BT, (-1, *self.spec.shape))


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The mixture of Bernoullis for images of `spec.shape`."""
    return MixtureOfBernoullis(config, spec, name="mixture_of_bernoullis")
