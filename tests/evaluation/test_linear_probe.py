"""One linear probe: what it learns from, and what it tells."""

import numpy as np
import pytest

from sparkgen.evaluation.linear_probe import (
    STRENGTHS,
    Pair,
    choose_strength,
    correct,
    cross_entropy,
    labelled_rows,
    one_thread,
    principal,
    probes,
    scaled,
)

RANDOM = np.random.default_rng(0)


def test_labelled_rows_have_every_class_as_often_and_differ_by_draw_alone() -> None:
    labels = RANDOM.choice(10, 2000, p=[0.28, *[0.08] * 9])
    rows = labelled_rows(labels, 104, seed=0, draw=3)
    assert len(set(rows)) == 104
    assert sorted(np.bincount(labels[rows])) == [10] * 6 + [11] * 4
    assert np.array_equal(rows, labelled_rows(labels, 104, seed=0, draw=3))
    assert len(set(rows) & set(labelled_rows(labels, 104, seed=0, draw=4))) < 30
    assert set(labelled_rows(labels, 2000, seed=0, draw=0)) == set(range(2000))


def test_where_a_class_has_too_few_rows_the_others_have_more() -> None:
    labels = np.array([0] * 3 + [1] * 50 + [2] * 50)
    rows = labelled_rows(labels, 30, seed=0, draw=0)
    assert np.bincount(labels[rows]).tolist()[0] == 3
    assert set(rows) >= {0, 1, 2}


def test_scaled_points_keep_their_form_and_forget_place_and_unit() -> None:
    points = (RANDOM.normal(size=(500, 6)) * [5, 4, 3, 2, 1, 0.1]).astype(np.float32)
    train, test = scaled(Pair(points[:400], points[400:]))
    assert train.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert train.var(axis=0).mean() == pytest.approx(1, abs=1e-4)
    assert train.std(axis=0)[0] / train.std(axis=0)[5] == pytest.approx(50, rel=0.2)
    moved = scaled(Pair(points[:400] * 7 + 3, points[400:] * 7 + 3))
    np.testing.assert_allclose(moved.test, test, atol=1e-4)
    constant = scaled(Pair(np.ones((9, 2), np.float32), np.ones((3, 2), np.float32)))
    assert not constant.train.any()


def test_principal_components_leave_the_least_variance() -> None:
    points = RANDOM.normal(size=(300, 5)) @ RANDOM.normal(size=(5, 5))
    made = principal(Pair(points, points[:40]), 3, seed=0)
    assert (made.train.shape, made.test.shape) == ((300, 3), (40, 3))
    np.testing.assert_allclose(made.train[:40], made.test, atol=1e-8)
    kept = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[:3]
    np.testing.assert_allclose(np.square(made.train).sum(axis=0), kept**2, rtol=1e-6)
    assert principal(Pair(points, points), 64, seed=0).train.shape == (300, 5)


def test_a_probe_tells_what_straight_lines_divide_and_nothing_else() -> None:
    corners = np.array([[0, 0], [4, 0], [0, 4]])
    labels = np.arange(300) % 3
    points = (corners[labels] + 0.3 * RANDOM.normal(size=(300, 2))).astype(np.float32)
    train, test = scaled(Pair(points[:90], points[90:]))
    assert correct(train, labels[:90], test, labels[90:]).all()
    assert correct(train[:6], labels[:6], test, labels[90:]).mean() > 0.95
    signs = RANDOM.choice([-1.0, 1.0], (300, 2)).astype(np.float32)
    crossed = (signs.prod(axis=1) > 0).astype(int)  # whether two signs agree: no line divides that
    right = correct(signs[:90], crossed[:90], signs[90:], crossed[90:])
    assert right.mean() < 0.6


def test_the_penalty_is_strong_where_labels_are_noise_and_weak_where_fine_lines_divide() -> None:
    with one_thread():
        noise = RANDOM.normal(size=(60, 20)).astype(np.float32)
        assert choose_strength(noise, RANDOM.integers(0, 2, 60)) < 1
        narrow = RANDOM.normal(size=(200, 2)).astype(np.float32) * np.float32([10, 0.02])
        labels = (narrow[:, 1] > 0).astype(int)
        assert choose_strength(narrow, labels) == STRENGTHS[-1]


def test_a_class_that_a_probe_never_met_costs_what_no_probability_costs() -> None:
    points = RANDOM.normal(size=(40, 2)).astype(np.float32)
    probe = next(probes(points, np.arange(40) % 2, (1.0,)))
    known = np.log(probe.predict_proba(points[:4])[np.arange(4), [1, 0, 1, 0]]).sum()
    assert cross_entropy(probe, points[:4], np.array([1, 0, 1, 0])) == pytest.approx(-known)
    unmet = cross_entropy(probe, points[:4], np.array([1, 0, 1, 7]))
    assert unmet > 27  # -log 1e-12
