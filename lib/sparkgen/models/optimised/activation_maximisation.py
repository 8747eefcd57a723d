"""Activation maximisation makes images that a classifier is sure of, such as what it takes for an 8.

Erhan et al., "Visualizing Higher-Layer Features of a Deep Network", 2009: from a noisy grey image, steps
of gradient ascent on

    log p(y | T x) - w TV(x).

TV is the total variation (Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting
Them", 2015). T moves the image by a few pixels, other ones in each step, so that what is made does not
depend on its place (Mordvintsev et al., "Inceptionism", 2015). What differs: each step has the same root
mean square, and the moves of a sample are a sequence of its own that fills the square evenly (Roberts,
"The Unreasonable Effectiveness of Quasirandom Sequences", 2018) from a start by its noise.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from keras import ops

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.compiled import compiled
from sparkgen.layers.gradients import gradient, repeat
from sparkgen.models.contract import LABEL, GenerativeModel, Part, Tensor
from sparkgen.noise import NoiseSpec

PARTS = {"classifier": Part(classifies=True, classes=True)}
PLASTIC = 1.3247179572447460  # the real root of x³ = x + 1, from which the even sequence is made


class Config(Strict):
    """It is built without options; those of `generate` say how images are made."""


class ActivationMaximisation(GenerativeModel):
    """Images of classes, by gradient ascent on what a classifier says of them."""

    learns = "nothing"
    generate_options: ClassVar[dict[str, Any]] = {
        "steps": 128,
        "step_size": 0.02,
        "total_variation": 0.05,
        "jitter": 1,
    }
    """Ascent steps; root mean square of one step, in pixel range [0, 1]; the regulariser's weight; by how
    many pixels an image is moved at most, each way."""
    generate_ranges: ClassVar[dict[str, Range]] = {
        "steps": Range(0),
        "step_size": Range(0),
        "total_variation": Range(0),
        "jitter": Range(0),
    }

    def __init__(self, spec: DataSpec, classifier: GenerativeModel, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.classifier, self.given = classifier, LABEL
        # A number a pixel for the image, and two for where its moves begin.
        self.noise = NoiseSpec((spec.size + 2,))
        self.compiled_ascent = compiled(self.ascent, xla=False)

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Tensor],
        *,
        steps: int = 128,
        step_size: float = 0.02,
        total_variation: float = 0.05,
        jitter: int = 1,
    ) -> Tensor:
        noise = ops.convert_to_tensor(noise)
        x_BHWC = 0.5 + 0.1 * ops.reshape(noise[:, :-2], (-1, *self.spec.shape))
        begin_B2 = 0.5 + 0.5 * ops.erf(noise[:, -2:] / 2**0.5)  # uniform on [0, 1]
        options = (
            ops.convert_to_tensor(steps, "int32"),
            *(ops.convert_to_tensor(v, "float32") for v in (step_size, total_variation, jitter)),
        )
        wanted_BK = ops.one_hot(ops.convert_to_tensor(given["label"]), self.spec.classes)
        return self.compiled_ascent(ops.clip(x_BHWC, 0.0, 1.0), begin_B2, wanted_BK, *options)

    def ascent(
        self,
        x_BHWC: Tensor,
        begin_B2: Tensor,
        wanted_BK: Tensor,
        steps: Tensor,
        step_size: Tensor,
        weight: Tensor,
        jitter: Tensor,
    ) -> Tensor:
        """Images after some steps; `weight` is that of the total variation."""

        def step(k: Tensor, x_BHWC: Tensor) -> Tensor:
            moves_B2 = moves(begin_B2, k, jitter)

            def score(x: Tensor) -> Tensor:
                logits_BK = self.classifier.head(self.classifier.features(moved(x, moves_B2)))
                log_p_B = ops.sum(wanted_BK * ops.log_softmax(logits_BK), axis=-1)
                return log_p_B - weight * total_variation_of(x)

            slope_BHWC = gradient(score, x_BHWC)[1]
            square_B = ops.mean(ops.square(slope_BHWC), axis=(1, 2, 3), keepdims=True)
            return ops.clip(x_BHWC + step_size * slope_BHWC * ops.rsqrt(square_B + 1e-12), 0.0, 1.0)

        return repeat(step, x_BHWC, steps)


def moves(begin_B2: Tensor, k: Tensor, most: Tensor) -> Tensor:
    """Whole numbers of pixels in [-most, most], down and right, for step `k`: int32 (B, 2)."""
    even_2 = ops.convert_to_tensor([1 / PLASTIC, 1 / PLASTIC**2], "float32")
    turned_B2 = begin_B2 + ops.cast(k, "float32") * even_2
    return ops.cast(ops.floor((turned_B2 % 1.0) * (2 * most + 1)) - most, "int32")


def moved(x_BHWC: Tensor, moves_B2: Tensor) -> Tensor:
    """Images moved down and right; what leaves them on one side comes in on the other."""
    for axis, of in ((0, "bhg,bgwc->bhwc"), (1, "bwv,bhvc->bhwc")):
        size = x_BHWC.shape[1 + axis]
        from_BS = (ops.arange(size) - moves_B2[:, axis, None]) % size
        x_BHWC = ops.einsum(of, ops.one_hot(from_BS, size), x_BHWC)
    return x_BHWC


def total_variation_of(x_BHWC: Tensor) -> Tensor:
    """The sum of the absolute differences of neighbouring pixels: (B,)."""
    down = ops.abs(x_BHWC[:, 1:] - x_BHWC[:, :-1])
    right = ops.abs(x_BHWC[:, :, 1:] - x_BHWC[:, :, :-1])
    return ops.sum(down, axis=(1, 2, 3)) + ops.sum(right, axis=(1, 2, 3))


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Activation maximisation for images of `spec.shape`, by a classifier of them."""
    return ActivationMaximisation(spec, parts["classifier"], name="activation_maximisation")
