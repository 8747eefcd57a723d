import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.evaluation.metrics import (
    binary_crossentropy,
    bits_per_dimension,
    combine,
    mean,
    squared_error,
    standard_error,
    sums,
)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50),
    st.randoms(use_true_random=False),
    st.integers(1, 49),
)
def test_a_mean_does_not_depend_on_order_or_parts(values, random, cut) -> None:
    whole = sums(values)
    shuffled = random.sample(values, len(values))
    parts = combine([sums(shuffled[cut:]), sums(shuffled[:cut])])
    assert parts.rows == whole.rows
    assert mean(parts) == pytest.approx(mean(whole), rel=1e-12, abs=1e-9)
    assert mean(combine([whole])) == pytest.approx(np.mean(values), rel=1e-9, abs=1e-9)


def test_the_standard_error_is_that_of_the_sample() -> None:
    values = np.random.default_rng(0).normal(-100, 10, size=400)
    expected = values.std(ddof=1) / math.sqrt(400)
    assert standard_error(sums(values)) == pytest.approx(expected, rel=1e-9)
    assert standard_error(sums([1.0])) is None


def test_a_coin_costs_one_bit() -> None:
    assert bits_per_dimension(784 * math.log(2), 784) == pytest.approx(1.0)


def test_errors_of_reconstructions_have_their_known_values() -> None:
    x = np.zeros((2, 4, 4, 1), np.float32)
    x[1] = 1.0
    half = np.full_like(x, 0.5)
    assert squared_error(x, half).tolist() == [0.25, 0.25]
    assert binary_crossentropy(x, half) == pytest.approx([math.log(2)] * 2)
    assert binary_crossentropy(x, x) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert np.isfinite(binary_crossentropy(x, 1 - x)).all()
