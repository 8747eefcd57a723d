"""Images that gradient ascent makes of noise: what activation maximisation and filters share.

A model says by `score` what is high in an image. From grey with noise of 1/f, Adam takes steps up

    score(T x) - w TV(x) - u sum(x),

where TV is the total variation (Mahendran and Vedaldi, "Understanding Deep Image Representations by
Inverting Them", 2015), and the last term pulls toward black, so that nothing is lit without need. T
moves, turns and enlarges the image a little and puts noise on it, in each step otherwise
(`layers.jitter`), so that what is made does not depend on these. What stands for the image are its
pixels, its frequencies or a pyramid of sizes (`layers.parameterisation`).
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from keras import ops

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers import jitter
from sparkgen.layers.compiled import compiled
from sparkgen.layers.optimisation import minimise
from sparkgen.layers.parameterisation import PARAMETERISATIONS, Numbers, smooth_noise
from sparkgen.layers.variation import total_variation
from sparkgen.models.contract import GenerativeModel, Tensor
from sparkgen.noise import NoiseSpec

NOISY = 0.8  # deviation of the logits of the image that it begins with


class AscentConfig(Strict):
    """Options of every model whose images gradient ascent makes."""

    parameterisation: Literal["clipped", "pixels", "fourier", "pyramid"] = "fourier"
    """The numbers that steps are made on: the pixels, cut to [0, 1] (`clipped`) or as logits (`pixels`);
    frequencies (`fourier`); a pyramid of sizes (`pyramid`)."""


class Ascent(GenerativeModel):
    """Images by gradient ascent on a score. Subclasses say what is given and write `score`.

    Their `generate_options` are those below, and others that `score` is given.
    """

    learns = "nothing"
    ascent_options: ClassVar[dict[str, Any]] = {
        "steps": 256,
        "rate": 0.2,
        "total_variation": 0.02,
        "darkness": 0.05,
        "moves": 2.0,
        "turns": 15.0,
        "zoom": 0.15,
        "grain": 0.0,
        "outside": 0.0,
    }
    """Steps of Adam; how long each is, in the unit of the parameterisation; the weights w and u; what T
    does at most: pixels moved each way, degrees turned each way, the logarithm of the factor by which it
    enlarges or makes smaller, the standard deviation of the noise; and the grey value in [0, 1] of what
    comes in from outside."""
    ascent_ranges: ClassVar[dict[str, Range]] = {
        **{name: Range(0) for name in ascent_options},
        "outside": Range(0, 1),
    }

    def __init__(
        self, config: AscentConfig, spec: DataSpec, shape: tuple[int, int, int], **kwargs: Any
    ) -> None:
        super().__init__(spec, **kwargs)
        self.parameterisation = PARAMETERISATIONS[config.parameterisation]
        self.image_shape = shape
        # A number a pixel for the image, and where the sequence of what T does begins.
        self.noise = NoiseSpec((math.prod(shape) + jitter.DIMENSIONS,))
        self.compiled_ascent = compiled(self.ascent, xla=False)

    def score(self, x_BHWC: Tensor, given: Tensor, options: Mapping[str, Tensor]) -> Tensor:
        """What is high in images (B, H, W, C), whose values grain may put out of [0, 1]: (B,).

        Args:
            x_BHWC: the images.
            given: what `wanted` makes of what is given.
            options: those of `generate`, float32 ().
        """
        raise TypeError(f"{type(self).__name__} has no score")

    def wanted(self, given: Mapping[str, Tensor]) -> Tensor:
        """What `score` is given, with a row for each image."""
        raise TypeError(f"{type(self).__name__} does not say what is wanted")

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        steps = ops.convert_to_tensor(options.pop("steps"), "int32")
        noise, size = ops.convert_to_tensor(noise), math.prod(self.image_shape)
        field_BHWC = ops.reshape(noise[:, :size], (-1, *self.image_shape))
        begin_BD = jitter.uniform(noise[:, size:])
        others = {name: ops.convert_to_tensor(v, "float32") for name, v in options.items()}
        return self.compiled_ascent(field_BHWC, begin_BD, self.wanted(given), steps, others)

    def ascent(
        self,
        field_BHWC: Tensor,
        begin_BD: Tensor,
        wanted: Tensor,
        steps: Tensor,
        options: Mapping[str, Tensor],
    ) -> Tensor:
        """Images after some steps from a grey image with noise of 1/f, made of the white `field_BHWC`."""
        as_image, within = self.parameterisation.image, self.parameterisation.within
        most = jitter.Jitter(*(options[name] for name in jitter.Jitter._fields))

        def loss(k: Tensor, numbers: Numbers) -> Tensor:
            x_BHWC, even_BD = as_image(numbers), jitter.evenly(begin_BD, k)
            seen = jitter.jittered(x_BHWC, field_BHWC, even_BD, most, outside=options["outside"])
            light_B = options["darkness"] * ops.sum(x_BHWC, axis=(1, 2, 3))
            rough_B = options["total_variation"] * total_variation(x_BHWC)
            return light_B + rough_B - self.score(seen, wanted, options)

        grey_BHWC = ops.sigmoid(NOISY * smooth_noise(field_BHWC))
        start = self.parameterisation.numbers(grey_BHWC)
        return as_image(minimise(loss, start, steps=steps, rate=options["rate"], within=within))
