"""Pictures of a run, as PNG files: grids by Pillow, charts by Matplotlib without a display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.pixels import to_uint8

Array = npt.NDArray[Any]

TILE_PIXELS = 64  # small images are enlarged, pixel by pixel, to about this
GAP_PIXELS = 3
PAPER = 235  # grey level between the tiles: dark and light images both stand out from it
TITLE_PIXELS = 22
INK = (40, 40, 40)
NOT_A_CURVE = {"epoch", "step", "steps", "seconds"}


def image_grid(
    images: Array, path: str | Path, *, columns: int | None = None, title: str = ""
) -> None:
    """Writes images as a grid, in reading order.

    Args:
        images: (N, H, W, C), C 1 or 3; uint8, or float in [0, 1].
        path: of the PNG file.
        columns: None: as many as make the grid about square.
        title: a line above the grid.
    """
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    _write(tile(to_uint8(images), columns), path, title)


def reconstruction_grid(x: Array, x_hat: Array, path: str | Path, *, columns: int = 10) -> None:
    """Writes images in rows, and under every row what the model brought back of them.

    Args:
        x, x_hat: (N, H, W, C); uint8, or float in [0, 1].
        path: of the PNG file.
    """
    bands = []
    for start in range(0, len(x), columns):
        for images in (x, x_hat):
            bands.append(tile(to_uint8(images[start : start + columns]), columns))
        bands.append(np.full((2 * GAP_PIXELS, *bands[-1].shape[1:]), PAPER, np.uint8))
    _write(np.concatenate(bands[:-1]), path, "above: images, below: their reconstructions")


def tile(images: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """A grid (height, width, C) of images (N, H, W, C), enlarged without blurring, with thin gaps."""
    count, height, width, channels = images.shape
    scale = max(1, round(TILE_PIXELS / max(height, width)))
    rows = -(-count // columns)
    step_y, step_x = height * scale + GAP_PIXELS, width * scale + GAP_PIXELS
    shape = (rows * step_y + GAP_PIXELS, columns * step_x + GAP_PIXELS, channels)
    grid = np.full(shape, PAPER, np.uint8)
    for i, image in enumerate(images):
        y, x = GAP_PIXELS + i // columns * step_y, GAP_PIXELS + i % columns * step_x
        large = image.repeat(scale, axis=0).repeat(scale, axis=1)
        grid[y : y + large.shape[0], x : x + large.shape[1]] = large
    return grid


def loss_curves(history: Sequence[Mapping[str, float]], path: str | Path) -> None:
    """Writes one chart for each figure of the epochs, training and validation in one.

    Args:
        history: the epochs' figures by name; `val_<name>` belongs to `<name>`.
        path: of the PNG file.
    """
    keys = {key for epoch in history for key in epoch} - NOT_A_CURVE
    names = sorted({key.removeprefix("val_") for key in keys}, key=lambda n: (n != "loss", n))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = _figure(4.6 * columns, 3.2 * rows)
    for i, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, i + 1)
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            points = [(n + 1, e[key]) for n, e in enumerate(history) if key in e]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label)
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if f"val_{name}" in keys:
            axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def latent_map(latents: Array, labels: Array, class_names: Sequence[str], path: str | Path) -> None:
    """Writes latents as points coloured by class, on their two principal axes where they have more.

    Args:
        latents: float (N, Z).
        labels: int (N,), 0 .. classes - 1.
        class_names: by label.
        path: of the PNG file.
    """
    from matplotlib import colormaps

    points, axis_names = plane(latents)
    figure = _figure(7.5, 6.0)
    axes = figure.add_subplot()
    colours = colormaps["tab10" if len(class_names) <= 10 else "nipy_spectral"]
    for label in np.unique(labels):
        spot = int(label) if len(class_names) <= 10 else label / max(1, len(class_names) - 1)
        chosen = points[labels == label]
        axes.scatter(*chosen.T, s=7, alpha=0.7, linewidths=0, color=colours(spot))
        axes.scatter([], [], s=30, color=colours(spot), label=class_names[int(label)])
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    _save(figure, path)


def plane(latents: Array) -> tuple[Array, tuple[str, str]]:
    """Latents (N, Z) as points (N, 2), and what the two axes are."""
    if latents.shape[1] == 1:
        return np.hstack([latents, np.zeros_like(latents)]), ("z₁", "")
    if latents.shape[1] == 2:
        return latents, ("z₁", "z₂")
    centred = np.asarray(latents, np.float64) - latents.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    share = s**2 / max(float(np.sum(s**2)), np.finfo(np.float64).tiny)
    names = [f"principal axis {k + 1} ({share[k]:.0%} of the variance)" for k in range(2)]
    return u[:, :2] * s[:2], (names[0], names[1])


def _figure(width_inches: float, height_inches: float) -> Any:
    # Figure without pyplot: no display, no global state.
    from matplotlib.figure import Figure

    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def _save(figure: Any, path: str | Path) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def _write(grid: npt.NDArray[np.uint8], path: str | Path, title: str) -> None:
    from PIL import Image

    image = Image.fromarray(grid[..., 0] if grid.shape[-1] == 1 else grid)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    (_titled(image, title) if title else image).save(path)


def _titled(image: Any, title: str) -> Any:
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    typeface = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    font = ImageFont.truetype(str(typeface), TITLE_PIXELS * 5 // 8)
    width = max(image.width, int(font.getlength(title)) + 4 * GAP_PIXELS)
    page = Image.new("RGB", (width, image.height + TITLE_PIXELS), (PAPER, PAPER, PAPER))
    ImageDraw.Draw(page).text((2 * GAP_PIXELS, GAP_PIXELS), title, font=font, fill=INK)
    page.paste(image, (0, TITLE_PIXELS))
    return page
