from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparkgen.drawing.charts import confusion_matrix, latent_map, loss_curves, plane


def test_charts_are_drawn_of_what_was_measured(tmp_path: Path) -> None:
    history = [{"epoch": n, "loss": 1 / (n + 1), "val_loss": 2 / (n + 1)} for n in range(3)]
    loss_curves(history, tmp_path / "loss.png")
    random = np.random.default_rng(0)
    latent_map(
        random.normal(size=(50, 5)), np.arange(50) % 3, ["a", "b", "c"], tmp_path / "latents.png"
    )
    for name in ("loss.png", "latents.png"):
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 300


def test_latents_are_seen_along_the_axes_in_which_they_vary_most() -> None:
    latents = np.array([[0.0, 3, 0], [0, -3, 0], [0, 0, 1], [0, 0, -1]])
    points, names = plane(latents)
    assert np.allclose(np.abs(points), [[3, 0], [3, 0], [0, 1], [0, 1]])
    assert names[0] == "principal axis 1 (90% of the variance)"


def test_the_colours_of_a_confusion_matrix_are_the_shares_of_each_row(tmp_path: Path) -> None:
    """A class with a thousand times the rows and the same share of mistakes has the same colours."""
    counts = np.array([[9, 1, 0], [0, 0, 10], [0, 0, 0]])
    for name, rows in (("one", 1), ("other", 1000)):
        confusion_matrix(counts * [[rows], [1], [1]], ["a", "b", "c"], tmp_path / f"{name}.png")
    seen = []
    for name in ("one", "other"):
        with Image.open(tmp_path / f"{name}.png") as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        colours, count = np.unique(pixels, axis=0, return_counts=True)
        seen.append({tuple(c) for c, n in zip(colours.tolist(), count, strict=True) if n > 5000})
    assert seen[0] == seen[1]
    assert len(seen[0]) >= 5  # paper, and the shares 0, 0.1, 0.9 and 1


@pytest.mark.parametrize("classes", [1, 2, 40])
def test_a_confusion_matrix_has_room_for_few_classes_and_many(tmp_path: Path, classes: int) -> None:
    names = [f"class number {k}" for k in range(classes)]
    confusion_matrix(np.eye(classes, dtype=int), names, tmp_path / "c.png", title="test: 1 row")
    with Image.open(tmp_path / "c.png") as image:
        assert 400 < min(image.size) <= max(image.size) < 2500
