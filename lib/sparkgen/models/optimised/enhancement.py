"""Enhancement makes pictures two or three times as high and as wide, and sharper than interpolation does.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
Neural Network", 2016. Convolutions at the size of the low picture give s² numbers for each of its pixels,
and these are the s x s pixels of the large one (sub-pixel convolution). For a high picture x the low one
is

    low = x made smaller s times by bicubic interpolation, a = -1/2, against aliasing, rounded to 8 bits,

and the network f, which sees the brightness Y of the low picture alone, learns what lacks in the bicubic
enlargement (`layers.bicubic`) of it:

    minimise the mean over all pixels of |Y(x) - Y(bicubic(low)) - f(Y(low))|.

The same number is added to the three colours of a pixel, which changes its brightness and leaves the
colour as bicubic interpolation has it. What differs from the paper: f adds to the bicubic enlargement;
its hidden layers are 3 x 3 convolutions with relu; the absolute error is in place of the squared one,
and squares at random places are cut from whole photographs, mirrored and turned.

`psnr` and `ssim` compare the picture that the model makes of the low one with x, `psnr_bicubic` and
`ssim_bicubic` bicubic interpolation of the same low picture (`layers.picture_quality`): luminance of
ITU-R BT.601, results rounded to 8 bits, s pixels at each edge left out, mean over pictures. `psnr_gain`
is the difference in decibels. Rows and columns that s does not divide are cut off x at its lower and
right edge. In training these are figures of the squares, else of whole images.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import keras
from keras import layers, ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.images import PictureRecord
from sparkgen.datasets.records import DataSpec, Record
from sparkgen.errors import RequestError
from sparkgen.layers.bicubic import SUPPORT, resized
from sparkgen.layers.crops import crop_noise, random_crops
from sparkgen.layers.network import Network
from sparkgen.layers.picture_quality import luma, luminance, psnr, ssim
from sparkgen.layers.scaling import shuffled
from sparkgen.layers.tiles import by_tiles
from sparkgen.models.contract import Batch, Direction, GenerativeModel, Given, Tensor
from sparkgen.noise import NoiseSpec

TILE = 256  # pixels of the low picture


class Config(Strict):
    """Options of the enhancement."""

    scale: Literal[2, 3] = 2
    """s, how many times higher and wider pictures become."""
    width: int = Field(32, gt=0)
    """Channels of each hidden layer."""
    depth: int = Field(5, gt=0)
    """Hidden layers."""
    crop: int = Field(24, gt=0)
    """Side, in pixels of the low picture, of the squares that are trained on; at most the whole image."""
    crops: int = Field(4, gt=0)
    """Squares cut from an image in each training step."""


class Enhancement(GenerativeModel):
    """Bicubic interpolation, and a network for what lacks in it."""

    loss_names = ("absolute_error",)
    metric_names = ("psnr", "psnr_bicubic", "psnr_gain", "ssim", "ssim_bicubic")
    metric_directions: ClassVar[Mapping[str, Direction]] = {
        "psnr": "higher",
        "psnr_gain": "higher",
        "ssim": "higher",
    }

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.scale = config.scale
        height, width = (side - side % config.scale for side in spec.shape[:2])
        if min(height, width) <= 2 * config.scale:
            raise RequestError(
                f"images of more than {3 * config.scale - 1} pixels each way to enlarge "
                f"{config.scale} times",
                found=f"dataset.shape {list(spec.shape)}",
                mend="set model.options.scale lower, or take other data",
            )
        self.whole, self.side = (height, width), min(config.crop * config.scale, height, width)
        protocol = (
            f"luminance of BT.601 (16 to 235) of pictures in 8 bits, {config.scale} pixels at each edge "
            "left out, mean over pictures; low pictures bicubic against aliasing, a = -0.5, in 8 bits"
        )
        self.protocols = dict.fromkeys(self.metric_names, protocol)
        self.noise = NoiseSpec((0,))  # nothing is left to chance
        self.training_noise = {"crops": crop_noise(config.crops)}
        self.given = {"picture": Given("record", self.makes)}
        # A result depends on pixels so far away in the low picture.
        self.margin = max(config.depth + 1, SUPPORT)
        hidden = [
            layers.Conv2D(
                config.width, 3, padding="same", activation="relu", kernel_initializer="he_normal"
            )
            for _ in range(config.depth)
        ]
        # Small, so that the model begins near bicubic interpolation; from 0 it takes hundreds of steps
        # until the hidden layers learn.
        small = keras.initializers.RandomNormal(stddev=0.01)
        last = layers.Conv2D(
            config.scale**2, 3, padding="same", kernel_initializer=small, dtype="float32"
        )
        self.network = Network([*hidden, last], name="network")

    @property
    def makes(self) -> Record:
        return PictureRecord(self.spec.shape[2:])

    def lowered(self, x: Tensor) -> Tensor:
        """Pictures (B, H, W, C), whose sides s divides, made smaller, as a file would hold them."""
        _, height, width, _ = x.shape
        return in_8_bits(resized(x, height // self.scale, width // self.scale))

    def interpolated(self, low: Tensor) -> Tensor:
        """Low pictures enlarged by bicubic interpolation alone; values may leave [0, 1]."""
        _, height, width, _ = low.shape
        return resized(low, height * self.scale, width * self.scale)

    def detail(self, low: Tensor) -> Tensor:
        """What the network adds to the brightness of enlarged pictures: (B, H * s, W * s, 1)."""
        return shuffled(self.network(luma(low)), self.scale)

    def enlarge(self, low: Tensor) -> Tensor:
        """Low pictures (B, H, W, C) in [0, 1] as the model enlarges them: (B, H * s, W * s, C)."""
        return ops.clip(self.interpolated(low) + self.detail(low), 0.0, 1.0)

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        """The picture that is given, enlarged; computed in tiles of 256 pixels, with what they need
        around them.
        """
        picture = ops.convert_to_tensor(given["picture"])
        return by_tiles(self.enlarge, picture, side=TILE, margin=self.margin, scale=self.scale)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x = batch["image"]
        rows = ops.shape(x)[0]
        if training:
            x = random_crops(x, batch["noise"]["crops"], self.side)
            height, width = (side - side % self.scale for side in x.shape[1:3])
        else:
            height, width = self.whole
        x = x[:, :height, :width]
        low = self.lowered(x)
        plain, detail = self.interpolated(low), self.detail(low)
        lacking = luma(x) - luma(plain) - detail
        terms = {"absolute_error": ops.mean(ops.abs(lacking), axis=(1, 2, 3))}
        terms |= self.quality(x, plain + detail, plain)
        return {
            name: ops.mean(ops.reshape(term, (rows, -1)), axis=1) for name, term in terms.items()
        }

    def quality(self, x: Tensor, made: Tensor, plain: Tensor) -> dict[str, Tensor]:
        """The figures of `metric_names` of enlarged pictures, the model's and the bicubic ones."""
        true, made, plain = (
            luminance(in_8_bits(one), shaved=self.scale) for one in (x, made, plain)
        )
        decibels, bicubic_decibels = psnr(made, true), psnr(plain, true)
        return {
            "psnr": decibels,
            "psnr_bicubic": bicubic_decibels,
            "psnr_gain": decibels - bicubic_decibels,
            "ssim": ssim(made, true),
            "ssim_bicubic": ssim(plain, true),
        }


def in_8_bits(x: Tensor) -> Tensor:
    """Pixels in [0, 1] as a file of 8 bits holds them."""
    return ops.round(255.0 * ops.clip(x, 0.0, 1.0)) / 255.0


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The enhancement for pictures of any size, trained on images of `spec.shape`."""
    return Enhancement(config, spec, name="enhancement")
