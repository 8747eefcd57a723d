"""The adversarial patch is a sticker that turns any picture it is put on into one class.

Brown et al., "Adversarial Patch", 2017: the pixels p of a small square are learnt by gradient descent on

    E_{x, place} -log p(target | x with p at the place),

over training pictures x and random places, while the classifier stays as it is. What differs: the patch
is only moved, not turned or scaled. It is a sigmoid of its weights, so its pixels stay in [0, 1]. Figures
are those of pictures of 8 bits.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.layers.attack import GREYS
from sparkgen.layers.labels import accuracy, cross_entropy
from sparkgen.models.contract import Batch, Direction, GenerativeModel, Given, Part, Tensor
from sparkgen.noise import NoiseSpec, Stream, row_noise

PARTS = {"classifier": Part(classifies=True, classes=True)}
SHOWN, AMONG = 40, 1000  # pictures in a report, and the first rows that they are chosen from


class Config(Strict):
    """Options of the patch."""

    target: int = Field(0, ge=0)
    """The class that pictures are turned into, by its number from 0."""
    area: float = Field(0.1, gt=0, le=1)
    """The most that the patch covers, as a share of a picture's area."""
    spread: float = Field(1.0, ge=0, le=1)
    """How far from the middle of a picture the patch may lie: 0 always there, 1 anywhere within it."""


class AdversarialPatch(GenerativeModel):
    """A square of pixels that is learnt, on the pictures that are given."""

    loss_names = ("cross_entropy",)
    metric_names = ("success",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"success": "higher"}
    figure_names = ("predicted", "confidence", "success")

    def __init__(
        self, config: Config, spec: DataSpec, classifier: GenerativeModel, **kwargs: Any
    ) -> None:
        super().__init__(spec, **kwargs)
        self.classifier, self.target, self.spread = classifier, config.target, config.spread
        self.given = {spec.record.kind: Given("record", spec.record.bare)}
        self.noise = NoiseSpec((2,), "uniform")
        self.training_noise = {"place": self.noise}
        self.side = side_of(config.area, spec.shape)
        self.left_out = {"success": (config.target,)}
        self.protocols = {
            "success": f"share of the rows of other classes taken for class {config.target}, "
            f"square patch of {self.side} x {self.side} pixels, spread {config.spread:g}, 8 bits"
        }
        self.pixels = self.add_weight(
            shape=(self.side, self.side, spec.shape[2]), initializer="zeros", name="pixels"
        )

    @property
    def patch(self) -> Tensor:
        """The patch: float32 (side, side, C) in [0, 1]."""
        return ops.sigmoid(self.pixels)

    def logits(self, x: Tensor) -> Tensor:
        """What the classifier says of pictures: float32 (B, classes)."""
        return self.classifier.head(self.classifier.features(x))

    def patched(self, x_BHWC: Tensor, noise_B2: Tensor) -> Tensor:
        """Pictures with the patch on them, at places by noise that is uniform on [0, 1)."""
        return covered(x_BHWC, self.patch, 0.5 + self.spread * (noise_B2 - 0.5))

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        return self.patched(given[self.spec.record.kind], ops.convert_to_tensor(noise))

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The class that is predicted, the probability of the target, and whether that is predicted."""
        p_BK = ops.softmax(self.logits(made))
        predicted_B = ops.argmax(p_BK, axis=-1)
        return {
            "predicted": ops.cast(predicted_B, "float32"),
            "confidence": p_BK[:, self.target],
            "success": ops.cast(ops.equal(predicted_B, self.target), "float32"),
        }

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x = self.patched(batch[self.spec.record.kind], batch["noise"]["place"])
        if not training:
            x = ops.round(x * GREYS) / GREYS
        logits_BK, target_B = self.logits(x), ops.full_like(batch["label"], self.target)
        return {
            "cross_entropy": cross_entropy(target_B, logits_BK),
            "success": accuracy(target_B, logits_BK),
        }

    def draw_report(self, rows: Callable[[int], Batch], folder: Path) -> None:
        """Writes the patch alone, as `patch.png`, and pictures with it, as `patched.png`, each with its
        class and the predicted one.
        """
        from sparkgen.drawing.grids import image_grid, prediction_grid

        patch = np.asarray(ops.convert_to_numpy(self.patch))[None]
        image_grid(patch, folder / "patch.png", columns=1, title="the patch")
        found = rows(AMONG)  # a split may lie class by class
        every = slice(None, None, max(1, len(found["id"]) // SHOWN))
        shown = {
            name: found[name][every][:SHOWN] for name in ("id", "label", self.spec.record.kind)
        }
        noise = row_noise(self.noise, shown["id"].tolist(), seed=0, stream=Stream.EVALUATE)
        made = self.patched(shown[self.spec.record.kind], noise)
        prediction_grid(
            np.asarray(ops.convert_to_numpy(made)),
            np.asarray(shown["label"]),
            np.asarray(ops.convert_to_numpy(ops.argmax(self.logits(made), axis=-1))),
            [str(n) for n in range(self.spec.classes)],
            folder / "patched.png",
            title=f"with the patch for class {self.target}: their classes, and those predicted",
        )


def side_of(area: float, shape: tuple[int, ...]) -> int:
    """The side in pixels of the largest square that covers at most a share of a picture.

    Raises:
        RequestError: not even a pixel.
    """
    height, width, _ = shape
    side = min(math.isqrt(math.floor(area * height * width + 1e-9)), height, width)
    if side < 1:
        raise RequestError(
            f"a model.options.area of at least one of the {height} x {width} pixels",
            found=f"{area:g}",
            mend="set it higher",
        )
    return side


def covered(x_BHWC: Tensor, patch: Tensor, place_B2: Tensor) -> Tensor:
    """Pictures with a patch on them, all of it inside.

    Args:
        x_BHWC: pictures.
        patch: (side, side, C).
        place_B2: in [0, 1): how far down and how far right it lies.
    """
    side = patch.shape[0]
    on_BHS, on_BWS = (_places(place_B2[:, axis], side, x_BHWC.shape[1 + axis]) for axis in range(2))
    patch_BHWC = ops.einsum("bhs,stc,bwt->bhwc", on_BHS, patch, on_BWS)
    mask_BHW = ops.sum(on_BHS, axis=-1)[:, :, None] * ops.sum(on_BWS, axis=-1)[:, None, :]
    return x_BHWC * (1.0 - mask_BHW[..., None]) + patch_BHWC


def _places(place_B: Tensor, side: int, size: int) -> Tensor:
    """On which of `size` pixels each of the `side` pixels of a patch lies: 0 and 1, (B, size, side)."""
    first_B = ops.cast(ops.floor(place_B * (size - side + 1)), "int32")
    at_BS = first_B[:, None] + ops.arange(side)
    return ops.transpose(ops.one_hot(at_BS, size), (0, 2, 1))


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """A patch for pictures of `spec.shape`, against a classifier of them.

    Raises:
        RequestError: no such class, or a patch of less than a pixel.
    """
    if config.target >= spec.classes:
        raise RequestError(
            f"a model.options.target from 0 to {spec.classes - 1}",
            found=str(config.target),
            mend="correct it",
        )
    return AdversarialPatch(config, spec, parts["classifier"], name="adversarial_patch")
