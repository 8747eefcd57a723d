import numpy as np

from sparkgen.layers.variation import total_variation


def test_the_total_variation_is_the_sum_over_neighbours() -> None:
    x = np.array([[0.0, 1.0], [0.5, 0.5]], np.float32).reshape(1, 2, 2, 1)
    assert np.asarray(total_variation(x)).tolist() == [0.5 + 0.5 + 1.0 + 0.0]
