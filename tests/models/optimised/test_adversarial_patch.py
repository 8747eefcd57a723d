from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from parts import outlined

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.optimised.adversarial_patch import covered, side_of
from sparkgen.noise import row_noise

NAME = "optimised.adversarial_patch"


@pytest.mark.parametrize(
    ("area", "shape", "side"),
    [(0.1, (32, 32, 3), 10), (0.1, (8, 8, 1), 2), (0.25, (8, 8, 1), 4), (1.0, (4, 9, 1), 4)],
)
def test_a_patch_covers_at_most_its_share(area: float, shape: tuple, side: int) -> None:
    assert side_of(area, shape) == side
    assert side**2 <= area * shape[0] * shape[1]


def test_a_patch_lies_within_the_picture_and_reaches_every_corner() -> None:
    x, patch = np.zeros((3, 5, 7, 1), np.float32), np.array([[1, 2], [3, 4]], np.float32)
    place = np.array([[0, 0], [0.999, 0.999], [0.3, 0.0]], np.float32)
    found = np.asarray(covered(x, patch[..., None], place))[..., 0]
    for row, (top, left) in enumerate([(0, 0), (3, 5), (1, 0)]):
        expected = np.zeros((5, 7))
        expected[top : top + 2, left : left + 2] = patch
        np.testing.assert_array_equal(found[row], expected)


def test_pixels_beside_a_patch_stay_and_those_under_it_go(build: Callable) -> None:
    model = build(NAME)
    x = np.random.default_rng(0).random((5, 8, 8, 1)).astype(np.float32)
    model.pixels.assign(np.full(model.pixels.shape, 100.0))
    made = np.asarray(model.generate(row_noise(model.noise, range(5), seed=0), {"image": x}))
    changed = made != x
    assert (changed.sum((1, 2, 3)) == 4).all()
    assert (made[changed] == 1).all()


@pytest.mark.parametrize(
    ("spread", "first"), [(0.0, {3}), (0.5, {1, 2, 3, 4, 5}), (1.0, set(range(7)))]
)
def test_a_patch_lies_as_far_from_the_middle_as_it_may(
    build: Callable, spread: float, first: set[int]
) -> None:
    model = build(NAME, spread=spread)
    noise = row_noise(model.noise, range(200), seed=0)
    made = np.asarray(model.generate(noise, {"image": np.zeros((200, 8, 8, 1), np.float32)}))
    for axis in (1, 2):
        assert set(made.any(axis=(3 - axis, 3)).argmax(axis=1)) == first


def test_training_brings_digits_nearer_to_the_target_and_leaves_the_classifier(
    build: Callable, train: Callable, batch_of: Callable
) -> None:
    model = build(NAME, target=3, area=0.3)
    assert model.count_learnt() == 16
    part = [v.numpy() for v in model.parts["classifier"].weights]
    batch = batch_of(model, 64)

    def towards() -> float:
        return float(np.mean(model.loss_terms(batch, training=True)["cross_entropy"]))

    before = towards()
    train(model, 20 * [batch], learning_rate=0.3)
    assert towards() < before
    for was, now in zip(part, model.parts["classifier"].weights, strict=True):
        np.testing.assert_array_equal(now.numpy(), was)


def test_success_says_nothing_of_rows_of_the_target(build: Callable, batch_of: Callable) -> None:
    model = build(NAME, target=3)
    batch = batch_of(model, 20)
    weights = np.asarray(model.weights_of("success", batch))
    np.testing.assert_array_equal(weights, batch["label"] != 3)
    np.testing.assert_array_equal(model.weights_of("cross_entropy", batch), batch["weight"])


def test_training_takes_the_mean_over_the_other_rows(build: Callable, batch_of: Callable) -> None:
    model = build(NAME, target=3)
    batch = batch_of(model, 20)
    found = {
        "cross_entropy": np.ones(20, np.float32),
        "success": (batch["label"] != 5).astype(np.float32),
    }
    model.compute_loss(batch, y_pred=found)
    kept, tracked = (
        batch["label"] != 3,
        {one.name: float(one.result()) for one in model.term_trackers},
    )
    assert tracked["success"] == pytest.approx(found["success"][kept].mean())


def test_the_report_shows_the_patch_alone_and_on_pictures(
    build: Callable, batch_of: Callable, tmp_path: Path
) -> None:
    model = build(NAME)
    model.draw_report(lambda rows: batch_of(model, rows), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patch.png", "patched.png"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"target": 10}, "a model.options.target from 0 to 9, found 10"),
        ({"area": 0.01}, "of at least one of the 8 x 8 pixels, found 0.01"),
    ],
)
def test_what_cannot_be_is_refused(options: dict, line: str) -> None:
    with pytest.raises(RequestError, match=line):
        outlined(NAME, options, DataSpec(ImageRecord((8, 8, 1)), 10))
