import tracemalloc

import numpy as np
import pytest

from sparkgen.evaluation.distances import frechet_distance, kernel_distance
from sparkgen.evaluation.judgement import judge
from sparkgen.evaluation.manifold import precision_recall, squared_distances
from sparkgen.evaluation.memorisation import (
    Memorisation,
    memorisation,
    merge_nearest,
    nearest_distances,
)

RANDOM = np.random.default_rng(0)
REAL = RANDOM.normal(size=(2000, 8))


def memorised(samples: np.ndarray, held_out: np.ndarray) -> Memorisation:
    """The verdict by an image's measure of a copy."""
    return memorisation(samples, held_out, copy_distance=0.5 / 255)


def test_the_frechet_distance_of_a_set_with_itself_is_zero() -> None:
    assert frechet_distance(REAL, REAL) == pytest.approx(0, abs=1e-9)


def test_the_frechet_distance_of_two_gaussians_is_the_closed_form() -> None:
    """‖μ‖² + Σ (1 − s)² for N(0, I) and N(μ, s² I), to sampling error at 200,000 rows."""
    x = RANDOM.normal(size=(200_000, 4))
    y = 0.5 + 2.0 * RANDOM.normal(size=(200_000, 4))
    assert frechet_distance(x, y) == pytest.approx(4 * 0.25 + 4 * 1.0, rel=0.02)


def test_the_interval_of_the_kernel_distance_covers_zero_for_two_halves() -> None:
    estimate = kernel_distance(REAL[:1000], REAL[1000:], block_rows=100)
    assert abs(estimate.value) < 3 * estimate.standard_error


@pytest.mark.parametrize("rows", [100, 400])
def test_two_standard_errors_of_the_kernel_distance_cover_zero_as_often_as_they_should(
    rows: int,
) -> None:
    """In at least 85 of 100 pairs of sets from one distribution; by normal theory in 95."""
    random = np.random.default_rng(1)
    pairs = random.normal(size=(100, 2, rows, 8))
    found = [kernel_distance(x, y) for x, y in pairs]
    assert sum(abs(f.value) <= 2 * f.standard_error for f in found) >= 85


def test_the_kernel_distance_sees_a_shift_of_a_third_of_a_deviation() -> None:
    estimate = kernel_distance(REAL[:1000], REAL[1000:] + 0.33, block_rows=100)
    assert estimate.value > 5 * estimate.standard_error


def test_precision_falls_for_unreal_samples_and_recall_for_missing_ones() -> None:
    same = precision_recall(REAL[:1000], REAL[1000:])
    unreal = precision_recall(REAL[:1000], REAL[1000:] + 20)
    narrow = precision_recall(REAL[:1000], 0.05 * REAL[1000:])
    assert min(same) > 0.7
    assert unreal == (0.0, 0.0)
    assert narrow.precision > 0.95
    assert narrow.recall < 0.05


def test_distances_are_those_of_the_differences_also_where_they_are_small() -> None:
    """784 pixels, beside a copy in which one pixel is one level off, and an exact copy."""
    x = RANDOM.integers(0, 256, (600, 784)) / 255
    y = x[:2].copy()
    y[0, 5] += 1 / 255
    direct = np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))
    found = nearest_distances(x, y, neighbours=2)
    np.testing.assert_allclose(found, np.sort(direct, axis=1), atol=1e-6)
    assert found[0, 0] == pytest.approx(1 / 255, rel=1e-6)
    np.testing.assert_allclose(squared_distances(x, y), direct**2, atol=1e-9)


def test_a_search_takes_no_more_memory_for_more_queries() -> None:
    train, query = RANDOM.normal(size=(4000, 50)), RANDOM.normal(size=(3000, 50))
    tracemalloc.start()
    nearest_distances(query, train, neighbours=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All distances at once would be 96 MB.
    assert peak < 24e6


def test_neighbours_found_in_parts_are_those_found_in_the_whole() -> None:
    whole = nearest_distances(REAL[:50], REAL[50:], neighbours=10)
    parts = [nearest_distances(REAL[:50], p, neighbours=10) for p in np.split(REAL[50:], 3)]
    np.testing.assert_allclose(merge_nearest(parts, neighbours=10), whole)


def test_a_planted_copy_of_the_training_set_is_caught_and_held_out_rows_are_not() -> None:
    train, held_out, fresh = REAL[:1000], REAL[1000:1500], REAL[1500:]

    def near(query: np.ndarray) -> np.ndarray:
        return nearest_distances(query, train, neighbours=50)

    copied = train[:200] + 0.01 * RANDOM.normal(size=(200, 8))
    assert memorised(near(copied), near(held_out)).memorised == 1.0
    assert memorised(near(fresh), near(held_out)).memorised < 0.04
    half = np.concatenate([copied[:100], fresh[:100]])
    assert memorised(near(half), near(held_out)).memorised == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("duplicates", [0, 1, 3, 8, 200])
def test_copies_are_caught_however_many_held_out_rows_are_training_rows_too(
    duplicates: int,
) -> None:
    train, held_out = REAL[:1000], REAL[1000:1200].copy()
    held_out[:duplicates] = train[:duplicates]
    near = [nearest_distances(x, train, neighbours=50) for x in (train[:200], held_out)]
    found = memorised(*near)
    assert found.memorised == 1.0
    assert found.held_out_duplicates == duplicates


def test_duplicates_in_the_held_out_rows_change_nothing_for_samples_that_are_no_copies() -> None:
    train, held_out, fresh = REAL[:1000], REAL[1000:1500], REAL[1500:]
    near = [nearest_distances(x, train, neighbours=50) for x in (fresh, held_out, train[:40])]
    clean = memorised(near[0], near[1])
    mixed = memorised(near[0], np.concatenate(near[1:]))
    assert 0 < clean.memorised == mixed.memorised


def test_near_copies_are_caught_where_no_held_out_row_says_what_is_usual() -> None:
    train = REAL[:1000]
    nearly = train[:200] + 0.002 * RANDOM.normal(size=(200, 8))
    near = [nearest_distances(x, train, neighbours=50) for x in (nearly, train[500:600])]
    assert memorisation(*near, copy_distance=0.5 / 255) == (
        1.0,
        pytest.approx(0.0054, rel=0.1),
        0.0,
        100,
    )


@pytest.mark.parametrize("rounding", [0.0, 1e-5])
def test_a_copy_of_an_image_that_stands_often_in_the_training_set_is_caught(
    rounding: float,
) -> None:
    often = np.repeat(REAL[:1], 60, axis=0) + rounding * RANDOM.normal(size=(60, 8))
    train = np.concatenate([often, REAL[1:500]])
    near = [nearest_distances(x, train, neighbours=50) for x in (REAL[:1], REAL[500:700])]
    assert memorised(*near).memorised == 1.0


def test_the_judge_counts_confidence_presence_and_balance() -> None:
    probabilities = np.array([[0.95, 0.05, 0], [0.6, 0.4, 0], [0.02, 0.98, 0], [0.95, 0.05, 0]])
    verdict = judge(probabilities, np.full(3, 1 / 3))
    assert verdict.confident == 0.75
    assert verdict.classes_present == pytest.approx(2 / 3)
    assert verdict.imbalance == pytest.approx((0.75 - 1 / 3 + 1 / 3 + 1 / 3 - 0.25) / 2)


def test_classes_without_training_rows_are_not_missed() -> None:
    probabilities = np.array([[0.95, 0.05, 0], [0.05, 0.95, 0]])
    assert judge(probabilities, np.array([0.5, 0.5, 0])).classes_present == 1.0
    assert judge(probabilities, np.array([0.5, 0.25, 0.25])).classes_present == pytest.approx(2 / 3)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_sets_too_small_for_a_distance_are_refused_in_words(rows: int) -> None:
    with pytest.raises(ValueError, match="needs two blocks of two rows"):
        kernel_distance(REAL[:rows], REAL[:100])
    with pytest.raises(ValueError, match="no 3 neighbours"):
        precision_recall(REAL[:100], REAL[:rows])


def test_four_rows_are_enough_for_every_distance() -> None:
    estimate = kernel_distance(REAL[:4], REAL[4:8])
    assert np.isfinite(estimate).all()
    assert precision_recall(REAL[:4], REAL[:4]) == (1.0, 1.0)
