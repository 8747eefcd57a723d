"""DeepDream changes a picture so that the layers of a network answer more to it: eyes in the clouds.

Mordvintsev et al., "Inceptionism: Going Deeper into Neural Networks", 2015: gradient ascent on the mean
square of what layers answer,

    sum over layers l of w_l mean(a_l(x)^2) / s_l,

where s_l is that mean of the picture itself. It begins with a small picture, and what a size (an octave)
has changed is enlarged and added to the picture at the next one. In each step the picture is moved by
some pixels, and reflected at its edges. As in the authors' code, the gradient is cut into a Laplacian
pyramid (Burt and Adelson, 1983) whose levels are brought to one size, so that large forms come out as
strongly as fine ones. What differs: the finest and the coarsest level count half, which leaves less
noise and keeps the picture's own light; the moves are no draws but fill the square evenly
(`layers.jitter`); and the gradient of a large picture is computed on tiles that fade into each other.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from keras import ops

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, PictureRecord, Record
from sparkgen.layers.compiled import compiled
from sparkgen.layers.fading_tiles import by_fading_tiles
from sparkgen.layers.gradients import gradient
from sparkgen.layers.jitter import evenly
from sparkgen.layers.scaling import longest, reflected, scaled, to_size
from sparkgen.models.contract import GenerativeModel, Given, Part, Tensor
from sparkgen.models.optimised._layers import LayerWeights, weights_of_layers
from sparkgen.noise import NoiseSpec

PARTS = {"network": Part(activations=True, records=False)}
DEPTHS = (0.65,)
"""Of the layer that is followed where none is named: deep enough for the parts of things."""
LEVELS = (0.5, 1.0, 1.0, 0.5)
"""The weights of the levels of the gradient's pyramid, from the finest."""
LEAST = 32
"""Pixels of the shorter side of an octave; smaller octaves are left out."""
OVERLAP = 64
"""Pixels by which tiles overlap."""
GRID = 32
"""Tiles begin at multiples of so many pixels: networks halve pictures five times at most."""
TYPICAL = 256
"""Pixels of the longer side of the picture by which layers are brought to one size."""


class Config(Strict):
    """Which layers are followed."""

    layers: LayerWeights = {}
    """Names of layers of the network, each with its weight. Early ones give strokes, late ones things.
    Empty: the one at 65 % of the depth."""


class DeepDream(GenerativeModel):
    """Pictures in which a network sees more than there was."""

    learns = "nothing"
    figure_names = ("activation_given", "activation_made")
    generate_options: ClassVar[dict[str, Any]] = {
        "octaves": 4,
        "octave_scale": 1.4,
        "steps": 12,
        "step_size": 0.011,
        "jitter": 32,
        "tile": 512,
    }
    """Sizes at which the picture is changed; from one to the next; steps at each; root mean square of
    one, in pixel range [0, 1]; by how many pixels the picture is moved at most; pixels of the sides of
    tiles, of which there are 64 at least, and multiples of 32, the next lower one; 0 for no tiles."""
    generate_ranges: ClassVar[dict[str, Range]] = {
        "octaves": Range(1),
        "octave_scale": Range(1.01),
        "steps": Range(0),
        "step_size": Range(0),
        "jitter": Range(0),
        "tile": Range(0),
    }

    def __init__(
        self, spec: DataSpec, network: GenerativeModel, layers: Mapping[str, float], **kwargs: Any
    ) -> None:
        super().__init__(spec, **kwargs)
        self.network, self.layer_weights = network, dict(layers)
        self.channels = network.spec.shape[-1]
        self.given = {"picture": Given("record", PictureRecord((self.channels,)))}
        self.noise = NoiseSpec((2,), "uniform")  # where the moves begin
        picture, one = (1, None, None, self.channels), (len(self.layer_weights),)
        self.compiled_squares = compiled(self.squares, xla=False, shapes=[picture])
        self.compiled_slope = compiled(self.slope, xla=False, shapes=[picture, one])

    @property
    def makes(self) -> Record:
        return PictureRecord((self.channels,))

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Tensor],
        *,
        octaves: int,
        octave_scale: float,
        steps: int,
        step_size: float,
        jitter: int,
        tile: int,
    ) -> Tensor:
        picture, typical_L = given["picture"], self.typical(given["picture"])
        begin_B2, done = ops.convert_to_tensor(noise), 0
        base: Tensor = None
        x: Tensor = None
        for octave in reversed(range(octaves)):
            size = scaled(picture.shape[1:3], octave_scale**-octave)
            if octave and min(size) < LEAST:
                continue
            change = None if x is None else to_size(x - base, size)
            x = base = to_size(picture, size)
            x = x if change is None else ops.clip(x + change, 0.0, 1.0)
            for _ in range(steps):
                slope = self.moved_slope(x, typical_L, evenly(begin_B2, done), jitter, tile)
                x = ops.clip(x + step_size * levelled(slope), 0.0, 1.0)
                done += 1
        return x

    def moved_slope(
        self, x_BHWC: Tensor, typical_L: Tensor, even_B2: Tensor, jitter: int, tile: int
    ) -> Tensor:
        """The gradient of the picture moved down and right by up to `jitter` pixels, moved back."""
        _, height, width, _ = x_BHWC.shape
        down, right = (int(even * (jitter + 1)) for even in even_B2[0])
        padded = reflected(x_BHWC, [_margins(height, down, jitter), _margins(width, right, jitter)])
        down, right = min(down, height - 1), min(right, width - 1)
        slope = by_fading_tiles(
            lambda x: self.compiled_slope(x, typical_L),
            padded,
            tile=tile,
            overlap=OVERLAP,
            align=GRID,
        )
        return slope[:, down : down + height, right : right + width]

    def slope(self, x_BHWC: Tensor, typical_L: Tensor) -> Tensor:
        """The gradient of the score of pictures, times their pixels, so that tiles agree."""
        area = ops.cast(ops.shape(x_BHWC)[1] * ops.shape(x_BHWC)[2], "float32")
        return area * gradient(lambda x: self.score(self.squares(x), typical_L), x_BHWC)[1]

    def score(self, squares_L: Tensor, typical_L: Tensor) -> Tensor:
        """The weighted sum of the squares of layers relative to typical ones."""
        weights_L = ops.convert_to_tensor(list(self.layer_weights.values()), "float32")
        return ops.sum(weights_L * squares_L / typical_L)

    def squares(self, x_BHWC: Tensor) -> Tensor:
        """The mean square of what each layer answers to pictures: (L,)."""
        answers = self.network.activations(x_BHWC, list(self.layer_weights))
        return ops.stack([ops.mean(ops.square(a)) for a in answers.values()])

    def typical(self, picture: Tensor) -> Tensor:
        """The squares of a small form of a picture: (L,)."""
        return self.compiled_squares(longest(picture, TYPICAL)) + 1e-6

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The score of a small form of the picture, as it was given and as it was made."""
        typical_L = self.typical(given["picture"])
        both = zip(self.figure_names, (given["picture"], made), strict=True)
        return {name: self.score(self.typical(x), typical_L)[None] for name, x in both}


def _margins(side: int, before: int, jitter: int) -> tuple[int, int]:
    """Pixels before and after a side, with which it is a multiple of `GRID`.

    So networks halve the whole picture and its tiles alike.
    """
    return before, jitter - before + (-side - jitter) % GRID


def levelled(x_BHWC: Tensor) -> Tensor:
    """A gradient whose levels of fineness are brought to one size; its root mean square is 1."""
    total, rest, size = 0.0, x_BHWC, x_BHWC.shape[1:3]
    for number, weight in enumerate(LEVELS):
        level = rest
        if number + 1 < len(LEVELS):
            rest = to_size(rest, [-(-side // 2) for side in rest.shape[1:3]])
            level = level - to_size(rest, level.shape[1:3])
        total = total + weight * to_size(evened(level), size)
    return evened(total)


def evened(x_BHWC: Tensor) -> Tensor:
    """Numbers divided by their root mean square."""
    return x_BHWC * ops.rsqrt(ops.mean(ops.square(x_BHWC)) + 1e-20)


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """DeepDream by the layers of a network, for pictures of any size."""
    network = parts["network"]
    layers = weights_of_layers(config.layers, network, DEPTHS, key="model.options.layers")
    return DeepDream(spec, network, layers, name="deep_dream")
