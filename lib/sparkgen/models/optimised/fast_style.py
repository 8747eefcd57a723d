"""Fast style transfer: a network paints any picture in the manner of one, in a single pass.

Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", 2016: the network f
learns from photographs x by the losses of style transfer,

    w_c content(f(x)) + style(f(x)) + w_v roughness(f(x)),

which are in `_style.py`, the third being the total variation a pixel. It has residual blocks, whose
layers are normalised by channel and picture (Ulyanov et al., "Instance Normalization", 2016), and
reflects pictures at their edges. What differs, so that it is fast on a processor: all layers but the last
two give a quarter of the height and width, and each of these two doubles them by giving the pixels of
each place as channels (Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
Sub-Pixel Convolutional Neural Network", 2016).

How the style looks is computed once, where a training begins, and lies among the weights. So a trained
model needs neither the picture nor any other file.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, PictureRecord, Record
from sparkgen.errors import RequestError
from sparkgen.layers.compiled import compiled
from sparkgen.layers.crops import crop_noise, random_crops
from sparkgen.layers.fading_tiles import by_fading_tiles
from sparkgen.layers.network import KEEPS_DTYPE, Composite, Network
from sparkgen.layers.scaling import at_least, longest, reflected, shuffled
from sparkgen.models.contract import Batch, Direction, GenerativeModel, Given, Part, Tensor
from sparkgen.models.optimised._layers import LayerWeights, shapes_of_answers
from sparkgen.models.optimised._style import (
    MARGIN,
    MEASURED,
    StyleLoss,
    in_colours_of,
    roughness,
    style_loss_of,
)
from sparkgen.noise import NoiseSpec

PARTS = {"network": Part(activations=True, records=False)}
SCALE = 4
"""How many times smaller pictures are inside the network."""
FINE = 16
"""Channels at half of the height and width."""
LEAST = 2 * SCALE
"""Pixels of the sides of what it paints; smaller pictures are continued, and what is painted is cut."""
OVERLAP = 64
"""Pixels by which tiles overlap."""


class Config(Strict):
    """The style, the weights of the losses, and the size of the network."""

    style: str = "photograph:flower"
    """The picture whose manner is learnt: an image file or its URI, or `photograph:china` or
    `photograph:flower`, those of scikit-learn. `{data}` at its start stands for `environment.data`."""
    style_size: int = Field(256, gt=0)
    """Pixels of the longer side of that picture: the larger, the larger the strokes."""
    content_weight: float = Field(0.3, ge=0)
    """The weight of the content's loss; that of the style's is 1."""
    roughness_weight: float = Field(0.5, ge=0)
    """The weight of the total variation a pixel."""
    crop: int = Field(0, ge=0)
    """Pixels of the sides of the square that is cut from an image in each training step, at random,
    turned and mirrored; 0: the whole image is taken."""
    style_layers: LayerWeights = {}
    """Names of layers of the network that tell how a picture looks, each with its weight. Empty: five
    from the first one to half of the depth."""
    content_layers: LayerWeights = {}
    """The same of the layers that tell what is shown. Empty: one at a third of the depth."""
    channels: int = Field(32, gt=0)
    """Channels of its layers."""
    blocks: int = Field(5, ge=0)
    """Residual blocks of two convolutions."""


class FastStyle(GenerativeModel):
    """Pictures in the manner of one."""

    loss_names = ("content", "style", "roughness")
    metric_names = ("content_loss", "style_loss")
    metric_directions: ClassVar[dict[str, Direction]] = {
        "content_loss": "lower",
        "style_loss": "lower",
    }
    figure_names = ("content_loss", "style_loss")
    generate_options: ClassVar[dict[str, Any]] = {"keep_colours": False, "tile": 0}
    """Whether the colours of the picture are kept; pixels of the sides of the tiles that large pictures
    are made in, 0 for none."""
    generate_ranges: ClassVar[dict[str, Range]] = {"tile": Range(0)}

    def __init__(self, spec: DataSpec, config: Config, measure: StyleLoss, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.config, self.measure, self.reads = config, measure, {"style": config.style}
        channels = spec.shape[-1]
        self.record = PictureRecord((channels,))
        self.given = {"picture": Given("record", self.record)}
        self.noise = NoiseSpec((0,))  # none is needed
        self.crop = min(config.crop, *spec.shape[:2])
        self.training_noise = {"crop": crop_noise(1)} if self.crop else {}
        self.painter = painter(config.channels, config.blocks, channels)
        self.looks = Looks(name="looks")
        any_size = (1, None, None, channels)
        self.compiled_paint = compiled(self.paint, xla=False, shapes=[any_size])
        self.compiled_terms = compiled(self.terms_of, xla=False, shapes=[any_size] * 2)

    @property
    def makes(self) -> Record:
        return self.record

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Tensor],
        *,
        keep_colours: bool,
        tile: int,
    ) -> Tensor:
        del noise
        picture = given["picture"]
        _, height, width, _ = picture.shape
        made = by_fading_tiles(
            self.compiled_paint,
            at_least(picture, LEAST),
            tile=tile,
            overlap=OVERLAP,
            align=SCALE,
        )[:, :height, :width]
        return in_colours_of(made, picture) if keep_colours else made

    def paint(self, x_BHWC: Tensor) -> Tensor:
        """Pictures of `LEAST` pixels a side or more in the manner of the style, in one pass."""
        _, height, width, _ = ops.shape(x_BHWC)
        rest = [(0, (-side) % SCALE) for side in (height, width)]
        logits = self.painter(reflected(x_BHWC, rest))[:, :height, :width]
        return ops.sigmoid(logits)

    @property
    def prepared(self) -> Sequence[Any]:
        return self.looks.weights

    def prepare(self, pictures: Mapping[str, Tensor]) -> None:
        style = longest(ops.convert_to_tensor(pictures["style"]), self.config.style_size)
        self.looks.set(self.measure.looks(style))

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x = ops.convert_to_tensor(batch["image"])
        if training and self.crop:
            x = random_crops(x, batch["noise"]["crop"], self.crop)
        x = at_least(x, LEAST)
        if not self.looks.built:
            self.looks.build({n: tuple(g.shape[1:]) for n, g in self.measure.looks(x).items()})
        return self.terms_of(self.paint(x), x)

    def terms_of(self, painted: Tensor, x: Tensor) -> dict[str, Tensor]:
        """The terms of pictures painted of others, by `loss_names` and `metric_names`: (B,) each."""
        content_B, style_B = self.measure(painted, self.measure.shown(x), self.looks.values())
        return {
            "content": self.config.content_weight * content_B,
            "style": style_B,
            "roughness": self.config.roughness_weight * roughness(painted),
            "content_loss": content_B,
            "style_loss": style_B,
        }

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses of a picture, of its form of at most `MEASURED` pixels, without their weights."""
        pictures = (longest(x, MEASURED) for x in (made, given["picture"]))
        terms = self.compiled_terms(*pictures)
        return {name: terms[name] for name in self.figure_names}


class Looks(keras.layers.Layer):
    """How a style looks: statistics of some layers, (1, C + 1, C) each. They are not learnt."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, trainable=False, **kwargs)

    def build(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.names = tuple(shapes)
        for name, shape in shapes.items():
            self.add_weight(shape=(1, *shape), initializer="ones", trainable=False, name=name)
        self.built = True

    def values(self) -> dict[str, Tensor]:
        """The statistics by the names of the layers."""
        values = (ops.convert_to_tensor(w) for w in self.weights)
        return dict(zip(self.names, values, strict=True))

    def set(self, looks: Mapping[str, Tensor]) -> None:
        """Takes the statistics of a style."""
        for name, weight in zip(self.names, self.weights, strict=True):
            weight.assign(looks[name])


def painter(channels: int, blocks: int, out: int) -> Network:
    """The network: pictures (B, H, W, out), H and W multiples of 4, to logits of others."""
    return Network(
        [
            Convolution(channels, 2 * SCALE, SCALE),
            *(Residual(channels) for _ in range(blocks)),
            Doubling(FINE, activation="relu"),
            Doubling(out, dtype="float32"),
        ],
        name="painter",
    )


class Doubling(Composite):
    """A 3×3 convolution whose channels are put into place as 2×2 pixels (Shi et al. 2016).

    Args:
        filters: channels that it gives.
        activation: of the convolution.
    """

    def __init__(
        self,
        filters: int,
        *,
        activation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.convolve = keras.layers.Conv2D(
            4 * filters,
            3,
            activation=activation,
            dtype=self.dtype_policy,
        )

    def call(self, x: Tensor) -> Tensor:
        return shuffled(self.convolve(reflected(x, [(1, 1)] * 2)), 2)


class Convolution(Composite):
    """A convolution with reflected edges, normalised by channel and picture, and relu.

    Args:
        filters: channels that it gives.
        kernel: its side.
        stride: by what factor pictures become smaller.
        relu: whether relu follows.
    """

    def __init__(
        self, filters: int, kernel: int, stride: int = 1, *, relu: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.margins = ((kernel - stride + 1) // 2, (kernel - stride) // 2)
        self.relu = relu
        self.convolve = keras.layers.Conv2D(filters, kernel, stride)
        self.normalise = keras.layers.GroupNormalization(groups=-1)

    def call(self, x: Tensor) -> Tensor:
        x = self.normalise(self.convolve(reflected(x, [self.margins] * 2)))
        return ops.relu(x) if self.relu else x


class Residual(Composite):
    """Two convolutions, whose result is added to what they are given."""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first, self.second = Convolution(filters, 3), Convolution(filters, 3, relu=False)

    def call(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Fast style transfer, learnt from images of `spec.shape`, for pictures of any size."""
    network, channels = parts["network"], spec.shape[-1]
    if not network.sees(spec.record) and network.spec.shape[-1] != channels:
        raise RequestError(
            f"a network of pictures of {channels} channels, as the data are, as model.parts.network",
            found=f"{network.name} of {network.spec.record}",
            mend="name the experiment of one, or pretrained weights",
        )
    measure = style_loss_of(network, config.style_layers, config.content_layers)
    crop = min(config.crop, *spec.shape[:2])
    sides = [max(crop or side, LEAST) for side in spec.shape[:2]]
    seen = [side + 2 * min(MARGIN, side - 1) for side in sides]
    shapes_of_answers(network, list({**measure.style, **measure.content}), (*seen, channels))
    return FastStyle(spec, config, measure, name="fast_style")
