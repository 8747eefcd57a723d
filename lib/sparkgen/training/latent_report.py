"""The report on an encoder-decoder shows its reconstructions, and pictures of its latents."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.drawing.charts import latent_map
from sparkgen.drawing.grids import block_grid, image_grid
from sparkgen.models.encoder_decoder import EncoderDecoder
from sparkgen.models.latent import add_concept, concept_vector, interpolate, latent_grid
from sparkgen.training.attempt import attempt

RECONSTRUCTIONS = 30
BATCH_ROWS = 100
WAYS = 10
WAY_STEPS = 11
CONCEPT_ROWS = 10  # that a class needs, and that are shown
CONCEPT_MEAN_ROWS = 200
STRENGTHS = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
PLANE_STEPS = 16
PLANE_QUANTILES = (0.01, 0.99)  # of the encoded rows; a few far off would leave little room

Array = npt.NDArray[Any]


class Shown(NamedTuple):
    """The rows of a split that the pictures show."""

    images: Array
    """(N, *shape), as the model sees them."""
    labels: Array
    """int32 (N,)."""
    class_names: Sequence[str]
    """By label."""

    def given(self, rows: Any) -> dict[str, Array]:
        """The labels of some of the images, which a conditional model needs as input."""
        return {"label": self.labels[rows]}


class Pairs(NamedTuple):
    """The row numbers of the two images of each pair to interpolate between: (P,) each."""

    starts: Array
    ends: Array


def draw_latents(
    model: EncoderDecoder, rows: Mapping[str, Array], class_names: Sequence[str], folder: Path
) -> None:
    """Writes `latent_map.png`, and `reconstructions` in a file of the record's kind.

    For images it also writes `interpolation.png`; `concept.png` where two classes have ten rows;
    `latent_grid.png` where latents are points of a plane.

    Args:
        model: as trained.
        rows: records as the model sees them, (N, *shape) under the name of their kind, and `label`
            int32 (N,), N of at least 1.
        class_names: by label.
        folder: for the files, local.
    """
    record = model.spec.record
    shown = Shown(rows[record.kind], rows["label"], class_names)
    latents = _encode(model, shown)
    with attempt("latent_map.png"):
        latent_map(latents, shown.labels, class_names, folder / "latent_map.png")
    with attempt(f"reconstructions{record.suffix}"):
        x, given = shown.images[:RECONSTRUCTIONS], shown.given(slice(RECONSTRUCTIONS))
        x_hat = _array(model.reconstruct(x, given))
        record.draw_pairs(x, x_hat, folder / f"reconstructions{record.suffix}")
    if record.pictures:
        _draw_pictures(model, shown, latents, folder)


def _draw_pictures(model: EncoderDecoder, shown: Shown, latents: Array, folder: Path) -> None:
    with attempt("interpolation.png"):
        _draw_ways(model, shown, folder / "interpolation.png")
    with attempt("concept.png"):
        _draw_concept(model, shown, folder / "concept.png")
    if model.latent_size == 2:
        with attempt("latent_grid.png"):
            _draw_plane(model, latents, shown, folder / "latent_grid.png")


def pairs(labels: Array, count: int, *, within_class: bool) -> Pairs:
    """Gives `count` pairs of rows: a row of each class in turn, and a row of the next class or the same.

    A class that has enough rows gives another one each time.
    """
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    step = 0 if within_class else 1

    def row(number: int, which: int) -> int:
        mine = rows[number % len(rows)]
        return int(mine[which % len(mine)])

    turns = [2 * (number // len(rows)) for number in range(count)]
    return Pairs(
        np.array([row(number, turn) for number, turn in enumerate(turns)]),
        np.array([row(number + step, turn + 1) for number, turn in enumerate(turns)]),
    )


def _draw_ways(model: EncoderDecoder, shown: Shown, path: Path) -> None:
    # A model that codes by label has one for both ends of a way.
    starts, ends = pairs(shown.labels, WAYS, within_class=model.codes_by_label)
    x, other = shown.images[starts], shown.images[ends]
    ways = _array(interpolate(model, x, other, steps=WAY_STEPS, given=shown.given(starts)))
    alphas = [f"{alpha:.1f}" for alpha in np.linspace(0, 1, WAY_STEPS)]
    block_grid(
        [x[:, None], ways, other[:, None]],
        path,
        headings=["image", *alphas, "image"],
        title="the straight way between the latents of two images, decoded",
    )


def _draw_concept(model: EncoderDecoder, shown: Shown, path: Path) -> None:
    present, counts = np.unique(shown.labels, return_counts=True)
    enough = present[counts >= CONCEPT_ROWS]
    if len(enough) < 2:
        return
    without, having = (np.flatnonzero(shown.labels == k)[:CONCEPT_MEAN_ROWS] for k in enough[:2])
    vector_Z = concept_vector(
        model,
        shown.images[having],
        shown.images[without],
        given=(shown.given(having), shown.given(without)),
    )
    x, given = shown.images[without[:CONCEPT_ROWS]], shown.given(without[:CONCEPT_ROWS])
    moved = [_array(add_concept(model, x, vector_Z, strength=s, given=given)) for s in STRENGTHS]
    old, new = (shown.class_names[k] for k in enough[:2])
    kept = ", labels as they are" if model.codes_by_label else ""
    block_grid(
        [x[:, None], np.stack(moved, axis=1)],
        path,
        headings=["image", *(f"{strength:g}" for strength in STRENGTHS)],
        title=f"images of {old}; to their latents added: (mean {new} - mean {old}) times …{kept}",
    )


def _draw_plane(model: EncoderDecoder, latents: Array, shown: Shown, path: Path) -> None:
    (low, left), (high, right) = np.quantile(latents, PLANE_QUANTILES, axis=0)[:, ::-1].tolist()
    label = int(shown.labels[0]) if model.codes_by_label else None
    grid = latent_grid(model, low=(left, low), high=(right, high), steps=PLANE_STEPS, label=label)
    title = (
        f"z₁ from {left:.2g} to {right:.2g} (rightwards), z₂ from {low:.2g} to {high:.2g} (upwards)"
    )
    if label is not None:
        title += f", label {shown.class_names[label]}"
    images = _array(grid).reshape(-1, *shown.images.shape[1:])
    image_grid(images, path, columns=PLANE_STEPS, title=title)


def _encode(model: EncoderDecoder, shown: Shown) -> Array:
    batches = [slice(n, n + BATCH_ROWS) for n in range(0, len(shown.images), BATCH_ROWS)]
    return np.concatenate([_array(model.encode(shown.images[b], shown.given(b))) for b in batches])


def _array(tensor: Any) -> Array:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor))
