"""Activation maximisation makes images that a classifier is sure of: what an 8 looks like to it.

Erhan et al., "Visualizing Higher-Layer Features of a Deep Network", 2009: from a noisy grey image, steps
of gradient ascent on what a class has in a classifier. Here that is, with logits l and the class y,

    l_y - (1 - a) log sum_{j != y} exp l_j - a mean_{j != y} l_j - w TV(x) - u sum(x).

For a = 0 the first two terms are log p / (1 - p), which unlike log p never is content; `all_rivals` a > 0
has the image told from every other class and not only from the likeliest one. TV is the total variation
(Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting Them", 2015); the last term
pulls toward black, so that nothing is lit without need.

The classifier sees the image moved, turned and enlarged a little and under noise, in each step otherwise
(`layers.jitter`), so that what is made does not depend on these. What stands for the image are its
pixels, its frequencies or a pyramid of sizes (`layers.parameterisation`).
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from keras import ops

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers import jitter
from sparkgen.layers.compiled import compiled
from sparkgen.layers.optimisation import minimise
from sparkgen.layers.parameterisation import PARAMETERISATIONS, Numbers
from sparkgen.layers.variation import total_variation
from sparkgen.models.contract import LABEL, GenerativeModel, Part, Tensor
from sparkgen.noise import NoiseSpec

PARTS = {"classifier": Part(classifies=True, classes=True)}
GREY, NOISY = 0.5, 0.1  # the image that it begins with: its mean, and the deviation of its noise
FAR = 1e9  # taken off a logit, it leaves nothing of it in a sum of exponentials


class Config(Strict):
    """Options of activation maximisation."""

    parameterisation: Literal["clipped", "pixels", "fourier", "pyramid"] = "fourier"
    """The numbers that steps are made on: the pixels, cut to [0, 1] (`clipped`) or as logits (`pixels`);
    frequencies (`fourier`); a pyramid of sizes (`pyramid`)."""


class ActivationMaximisation(GenerativeModel):
    """Images of classes, by gradient ascent on what a classifier says of them."""

    learns = "nothing"
    generate_options: ClassVar[dict[str, Any]] = {
        "steps": 256,
        "rate": 0.2,
        "all_rivals": 0.5,
        "total_variation": 0.02,
        "darkness": 0.03,
        "moves": 2.0,
        "turns": 15.0,
        "zoom": 0.15,
        "grain": 0.4,
        "outside": 0.0,
    }
    """Steps of Adam; how long each is, in the unit of the parameterisation; the weights a, w and u; what
    is done to the image at most: pixels moved each way, degrees turned each way, the logarithm of the
    factor by which it is enlarged or made smaller, the standard deviation of the noise; and the grey
    value in [0, 1] around the image."""
    generate_ranges: ClassVar[dict[str, Range]] = {
        "steps": Range(0),
        "rate": Range(0),
        "all_rivals": Range(0, 1),
        "total_variation": Range(0),
        "darkness": Range(0),
        "moves": Range(0),
        "turns": Range(0),
        "zoom": Range(0),
        "grain": Range(0),
        "outside": Range(0, 1),
    }

    def __init__(
        self, config: Config, spec: DataSpec, classifier: GenerativeModel, **kwargs: Any
    ) -> None:
        super().__init__(spec, **kwargs)
        self.classifier, self.given = classifier, LABEL
        self.numbers = PARAMETERISATIONS[config.parameterisation]
        # A number a pixel for the image, and where the sequence of what is done to it begins.
        self.noise = NoiseSpec((spec.size + jitter.DIMENSIONS,))
        self.compiled_ascent = compiled(self.ascent, xla=False)

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        chosen = {**self.generate_options, **options}
        steps = ops.convert_to_tensor(chosen.pop("steps"), "int32")
        noise = ops.convert_to_tensor(noise)
        field_BHWC = ops.reshape(noise[:, : self.spec.size], (-1, *self.spec.shape))
        wanted_BK = ops.one_hot(ops.convert_to_tensor(given["label"]), self.spec.classes)
        others = {k: ops.convert_to_tensor(v, "float32") for k, v in chosen.items()}
        begin_BD = jitter.uniform(noise[:, self.spec.size :])
        return self.compiled_ascent(field_BHWC, begin_BD, wanted_BK, steps, others)

    def ascent(
        self,
        field_BHWC: Tensor,
        begin_BD: Tensor,
        wanted_BK: Tensor,
        steps: Tensor,
        options: Mapping[str, Tensor],
    ) -> Tensor:
        """Images after some steps from a grey image with a little of the noise `field_BHWC`."""
        most = jitter.Jitter(*(options[name] for name in ("moves", "turns", "zoom", "grain")))

        def loss(k: Tensor, numbers: Numbers) -> Tensor:
            x_BHWC, even_BD = self.numbers.image(numbers), jitter.evenly(begin_BD, k)
            seen = jitter.jittered(x_BHWC, field_BHWC, even_BD, most, outside=options["outside"])
            logits_BK = self.classifier.head(self.classifier.features(seen))
            dark_B = options["darkness"] * ops.sum(x_BHWC, axis=(1, 2, 3))
            rough_B = options["total_variation"] * total_variation(x_BHWC)
            return rough_B + dark_B - lead(logits_BK, wanted_BK, options["all_rivals"])

        start = self.numbers.numbers(ops.clip(GREY + NOISY * field_BHWC, 0.0, 1.0))
        rate, within = options["rate"], self.numbers.within
        return self.numbers.image(minimise(loss, start, steps=steps, rate=rate, within=within))


def lead(logits_BK: Tensor, wanted_BK: Tensor, all_rivals: Tensor) -> Tensor:
    """By how much the logit of a class is over those of the others: (B,).

    Args:
        logits_BK: of K classes.
        wanted_BK: 1 at the class.
        all_rivals: 0 for the log-odds of the class, 1 for the difference to the mean of the others.
    """
    own_B = ops.sum(wanted_BK * logits_BK, axis=-1)
    likeliest_B = ops.logsumexp(logits_BK - FAR * wanted_BK, axis=-1)
    rivals = max(logits_BK.shape[-1] - 1, 1)
    mean_B = ops.sum((1.0 - wanted_BK) * logits_BK, axis=-1) / rivals
    return own_B - (1.0 - all_rivals) * likeliest_B - all_rivals * mean_B


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Activation maximisation for images of `spec.shape`, by a classifier of them."""
    name = "activation_maximisation"
    return ActivationMaximisation(config, spec, parts["classifier"], name=name)
