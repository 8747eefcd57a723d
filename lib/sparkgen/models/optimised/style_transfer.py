"""Style transfer paints what one picture shows in the manner of another.

Gatys et al., "Image Style Transfer Using Convolutional Neural Networks", 2016: steps of gradient descent
by the pixels x on

    w_c content(x) + w_s style(x) + w_v roughness(x)

whose losses are in `_style.py`, the third being the total variation a pixel. It begins with the picture
itself, small, and goes on at larger sizes (Gatys et al., "Controlling Perceptual Factors in Neural Style
Transfer", 2017), by Adam's rule. The colours of the picture can be kept, and two styles be mixed, by the
weighted mean of their statistics. What differs: a picture that is larger than the largest of these
sizes is made at that size and enlarged, and some of its own fine detail is added.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from keras import ops

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, PictureRecord, Record
from sparkgen.layers.compiled import compiled
from sparkgen.layers.optimisation import minimise
from sparkgen.layers.scaling import longest, scaled, to_size
from sparkgen.models.contract import GenerativeModel, Given, Part, Tensor
from sparkgen.models.optimised._layers import LayerWeights
from sparkgen.models.optimised._style import (
    MEASURED,
    StyleLoss,
    grey,
    in_colours_of,
    roughness,
    style_loss_of,
)
from sparkgen.noise import NoiseSpec

PARTS = {"network": Part(activations=True, records=False)}


class Config(Strict):
    """Which layers tell what a picture shows, and which how it looks."""

    style_layers: LayerWeights = {}
    """Names of layers of the network, each with its weight. Empty: five from the first one to half of the
    depth."""
    content_layers: LayerWeights = {}
    """The same of the layers that tell what is shown. Empty: one at a third of the depth."""


class StyleTransfer(GenerativeModel):
    """Pictures in the manner of others."""

    learns = "nothing"
    figure_names = ("content_loss", "style_loss")
    generate_options: ClassVar[dict[str, Any]] = {
        "size": 512,
        "octaves": 3,
        "octave_scale": 1.75,
        "steps": 80,
        "rate": 0.02,
        "content_weight": 0.15,
        "style_weight": 1.0,
        "roughness_weight": 0.5,
        "style_size": 1.0,
        "second_style": 0.5,
        "keep_colours": False,
        "detail": 0.3,
    }
    """Pixels of the longer side of the largest picture that is optimised, 0 for the given one's; sizes
    at which it is; from one to the next; steps at each; how long one is, in pixel range [0, 1]; the
    weights of the losses; the size of the style relative to that of the picture, which strokes grow with;
    the share of the second style where one is given; whether colours are kept; how much of the fine
    detail is added that a larger picture has."""
    generate_ranges: ClassVar[dict[str, Range]] = {
        "size": Range(0),
        "octaves": Range(1),
        "octave_scale": Range(1.01),
        "steps": Range(0),
        "rate": Range(0),
        "content_weight": Range(0),
        "style_weight": Range(0),
        "roughness_weight": Range(0),
        "style_size": Range(0.1, 10),
        "second_style": Range(0, 1),
        "detail": Range(0, 1),
    }

    def __init__(self, spec: DataSpec, measure: StyleLoss, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        channels = measure.network.spec.shape[-1]
        self.measure, self.record = measure, PictureRecord((channels,))
        self.given = {
            "picture": Given("record", self.record),
            "style": Given("record", self.record),
            "style_2": Given("record", self.record, required=False, needs=("style",)),
        }
        self.noise = NoiseSpec((0,))  # none is needed: it begins with the picture
        any_size, numbers = (1, None, None, channels), (None,)
        self.compiled_descent = compiled(self.descent, xla=False, shapes=[any_size] * 4 + [numbers])
        self.compiled_losses = compiled(self.both_losses, xla=False, shapes=[any_size] * 3)

    @property
    def makes(self) -> Record:
        return self.record

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Tensor],
        *,
        size: int,
        octaves: int,
        octave_scale: float,
        steps: int,
        rate: float,
        content_weight: float,
        style_weight: float,
        roughness_weight: float,
        style_size: float,
        second_style: float,
        keep_colours: bool,
        detail: float,
    ) -> Tensor:
        del noise
        picture, style = given["picture"], given["style"]
        largest = longest(picture, size or max(picture.shape[1:3]))
        styles = (style, given.get("style_2", style))
        if keep_colours:
            largest, styles = grey(largest), tuple(grey(s) for s in styles)
        second = second_style if "style_2" in given else 0.0
        numbers = ops.convert_to_tensor(
            [steps, rate, content_weight, style_weight, roughness_weight, second], "float32"
        )
        x = None
        for octave in reversed(range(octaves)):
            at = scaled(largest.shape[1:3], octave_scale**-octave)
            content, wide = to_size(largest, at), style_size * max(at)
            small = (to_size(s, scaled(s.shape[1:3], wide / max(s.shape[1:3]))) for s in styles)
            x = content if x is None else to_size(x, at)
            x = self.compiled_descent(x, content, *small, numbers)
        made = to_size(x, picture.shape[1:3])
        made = made + detail * (picture - to_size(largest, picture.shape[1:3]))
        return in_colours_of(made, picture) if keep_colours else ops.clip(made, 0.0, 1.0)

    def descent(
        self, x: Tensor, content: Tensor, style: Tensor, style_2: Tensor, numbers: Tensor
    ) -> Tensor:
        """Pictures after some steps; `numbers` are the six options that `make` names.

        The second style is looked at only where it has a share.
        """
        steps, rate, *weights, second = ops.unstack(numbers, 6)
        content_weight, style_weight, roughness_weight = weights
        shown, one = self.measure.shown(content), self.measure.looks(style)

        def mixed() -> dict[str, Tensor]:
            two = self.measure.looks(style_2)
            return {name: (1.0 - second) * one[name] + second * two[name] for name in one}

        looks = ops.cond(second > 0.0, mixed, lambda: one)

        def loss(_: Tensor, at: tuple[Tensor, ...]) -> Tensor:
            content_B, style_B = self.measure(at[0], shown, looks)
            return (
                content_weight * content_B
                + style_weight * style_B
                + roughness_weight * roughness(at[0])
            )

        return minimise(
            loss,
            (x,),
            steps=ops.cast(steps, "int32"),
            rate=rate,
            within=lambda at: (ops.clip(at[0], 0.0, 1.0),),
        )[0]

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of a picture and of the first style, of their forms of at most `MEASURED` pixels."""
        pictures = (longest(x, MEASURED) for x in (made, given["picture"], given["style"]))
        return dict(zip(self.figure_names, self.compiled_losses(*pictures), strict=True))

    def both_losses(self, x: Tensor, content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """The losses of a picture, without their weights: (1,) each."""
        return tuple(self.measure(x, self.measure.shown(content), self.measure.looks(style)))


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Style transfer by the layers of a network, for pictures of any size."""
    measure = style_loss_of(parts["network"], config.style_layers, config.content_layers)
    return StyleTransfer(spec, measure, name="style_transfer")
