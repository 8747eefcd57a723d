import numpy as np
import pytest

from sparkgen.layers.labels import accuracy, cross_entropy, margin, with_one_hot


def test_labels_stand_behind_the_features_as_one_hot_vectors() -> None:
    joined = with_one_hot(np.float32([[0.5], [0.25]]), np.array([2, 0]), 3)
    np.testing.assert_array_equal(joined, [[0.5, 0, 0, 1], [0.25, 1, 0, 0]])


def test_missing_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a label of every row, found none"):
        with_one_hot(np.zeros((2, 1), np.float32), None, 3)


def test_the_cross_entropy_is_the_logarithm_of_the_labels_probability() -> None:
    logits = np.log(np.float32([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])) + 3.0
    nats = cross_entropy(np.array([0, 1]), logits)
    np.testing.assert_allclose(nats, -np.log([0.5, 0.2]), rtol=1e-5)


def test_a_row_is_right_where_its_label_has_the_greatest_score() -> None:
    right = accuracy(np.array([1, 1], np.int32), np.float32([[0.0, 2.0], [2.0, 0.0]]))
    np.testing.assert_array_equal(right, [1.0, 0.0])


def test_the_margin_is_how_far_another_class_is_above_that_of_the_label() -> None:
    found = margin(np.array([1, 0], np.int32), np.float32([[0.5, 2.0, -1.0], [-3.0, -2.0, -2.5]]))
    np.testing.assert_allclose(found, [-1.5, 1.0])
