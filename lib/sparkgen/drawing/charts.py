"""Draws the charts of a training run as PNG files, with Matplotlib and without a display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NOT_A_CURVE = {"epoch", "step", "steps", "seconds"}
MOST_WRITTEN_CLASSES = 25  # of a confusion matrix whose cells still have room for their counts
DARK = 0.5  # a share from which on white letters are read better than black ones


class Units(NamedTuple):
    """Two units of a figure: that of its numbers, another one, and what one is in the other."""

    left: str
    right: str
    factor: float


def loss_curves(
    history: Sequence[Mapping[str, float]],
    path: str | Path,
    *,
    units: Mapping[str, Units] | None = None,
) -> None:
    """Writes a PNG with one chart for each figure; training and validation share a chart.

    Args:
        history: the epochs' figures by name; `val_<name>` belongs to `<name>`.
        path: of the PNG file.
        units: of figures, by name, for an axis on each side.
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
        if units and name in units:
            _two_axes(axes, units[name])
        if f"val_{name}" in keys:
            axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _two_axes(axes: Any, units: Units) -> None:
    axes.set_ylabel(units.left, fontsize=8)
    right = axes.secondary_yaxis(
        "right", functions=(lambda y: y * units.factor, lambda y: y / units.factor)
    )
    right.set_ylabel(units.right, fontsize=8)


def confusion_matrix(
    counts: npt.NDArray[np.integer[Any]],
    class_names: Sequence[str],
    path: str | Path,
    *,
    title: str = "",
) -> None:
    """Writes a confusion matrix as a PNG, with the accuracy of each class on the right.

    Args:
        counts: (K, K); rows: the true class, columns: the predicted one.
        class_names: by label.
        path: of the PNG file.
        title: a line above.
    """
    from matplotlib.colors import PowerNorm

    classes, totals = len(counts), counts.sum(axis=1)
    share = counts / np.maximum(totals, 1)[:, None]
    side = max(4.0, 0.5 * min(classes, MOST_WRITTEN_CLASSES))
    figure = _figure(side + 1.6, side + 0.9)
    axes = figure.add_subplot()
    # The root of the share: a few mistakes among many rows are seen.
    axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0.0, 1.0))
    if classes <= MOST_WRITTEN_CLASSES:
        _write_cells(axes, counts, share)
    axes.set_xticks(range(classes), class_names, rotation=_rotation(class_names))
    axes.set_yticks(range(classes), class_names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(title, fontsize=11)
    right = axes.secondary_yaxis("right")
    shares = [f"{share[k, k]:.1%}" if totals[k] else "" for k in range(classes)]
    right.set_yticks(range(classes), shares)
    right.set_ylabel("accuracy of the class")
    right.tick_params(length=0)
    _save(figure, path)


def _write_cells(axes: Any, counts: Array, share: Array) -> None:
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if share[row, column] > DARK else "black"
        text = f"{counts[row, column]}"
        size = 9 if len(text) <= 4 else 7
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _rotation(names: Sequence[str]) -> int:
    return 0 if max(map(len, names)) <= 3 else 90


def latent_map(latents: Array, labels: Array, class_names: Sequence[str], path: str | Path) -> None:
    """Writes a scatter plot of latents, coloured by class; more than two dimensions are projected.

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


def next_tokens(
    names: Sequence[str], probabilities: Mapping[str, Array], path: str | Path, *, title: str = ""
) -> None:
    """Writes a PNG of the probabilities of some tokens, a chart for each of several settings.

    Args:
        names: of the tokens.
        probabilities: by the setting's name, (N,) each.
        path: of the PNG file.
        title: a line above.
    """
    figure = _figure(2.2 * len(probabilities) + 1.0, 0.26 * len(names) + 1.2)
    charts = figure.subplots(1, len(probabilities), sharey=True, squeeze=False)[0]
    for axes, (setting, p) in zip(charts, probabilities.items(), strict=True):
        axes.barh(range(len(names)), p)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=8)
        axes.set_title(setting, fontsize=9)
    charts[0].set_yticks(range(len(names)), names, fontsize=8)
    charts[0].invert_yaxis()
    figure.supxlabel("probability", fontsize=9)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def attention_maps(
    shares: Array, names: Sequence[str], path: str | Path, *, columns: int = 4, title: str = ""
) -> None:
    """Writes a PNG of what tokens look at, a map for each head.

    Args:
        shares: (H, T, T); row t: how much token t takes of each token.
        names: of the T tokens.
        path: of the PNG file.
        columns: maps side by side.
        title: a line above.
    """
    side = 0.14 * len(names) + 0.6
    columns = min(columns, len(shares))
    rows = -(-len(shares) // columns)
    figure = _figure(side * columns, side * rows + 0.4)
    for head, share in enumerate(shares):
        axes = figure.add_subplot(rows, columns, head + 1)
        axes.imshow(share, cmap="Blues", vmin=0.0)
        axes.set_xticks(range(len(names)), names, fontsize=6)
        axes.set_yticks(range(len(names)), names, fontsize=6)
        axes.set_title(f"head {head}", fontsize=8)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def plane(latents: Array) -> tuple[Array, tuple[str, str]]:
    """Latents (N, Z) as points (N, 2), by principal axes if Z > 2, and the names of both axes."""
    if latents.shape[1] == 1:
        return np.hstack([latents, np.zeros_like(latents)]), ("z₁", "")
    if latents.shape[1] == 2:
        return latents, ("z₁", "z₂")
    centred = np.asarray(latents, np.float64) - latents.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    if len(latents) == 1:  # one row has no second axis, nor any variance
        u, s = np.zeros((1, 2)), np.zeros(2)
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
