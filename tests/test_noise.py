import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.noise import (
    NoiseSpec,
    Stream,
    generator,
    permutation,
    row_noise,
    row_noises,
    training_noise,
)

NORMAL = NoiseSpec((3, 2))
UNIFORM = NoiseSpec((4,), "uniform")


def test_noise_has_the_bits_it_had_when_it_was_first_drawn() -> None:
    """A change of the generator under us would change every sample of every registered model."""
    assert generator(7, Stream.SAMPLE).integers(0, 2**32, 3).tolist() == [
        3002338740,
        3283815439,
        2576986208,
    ]
    np.testing.assert_array_equal(
        row_noise(NoiseSpec((3,)), [0, 5], seed=7),
        np.array(
            [[-1.3418404, 0.4716627, 0.7923804], [0.16849063, -0.13218303, 0.5694295]],
            np.float32,
        ),
    )


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=8), st.integers(0, 2**63))
def test_noise_of_a_row_does_not_depend_on_its_neighbours(ids: list[int], seed: int) -> None:
    together = row_noise(NORMAL, ids, seed=seed)
    alone = np.concatenate([row_noise(NORMAL, [i], seed=seed) for i in ids])
    np.testing.assert_array_equal(together, alone)


def test_streams_names_seeds_and_ids_give_different_noise() -> None:
    draws = [
        row_noise(NORMAL, [0], seed=0),
        row_noise(NORMAL, [1], seed=0),
        row_noise(NORMAL, [0], seed=1),
        row_noise(NORMAL, [0], seed=0, name="other"),
        row_noise(NORMAL, [0], seed=0, stream=Stream.EVALUATE),
        training_noise(NORMAL, name="", seed=0, epoch=0, step=0, lane=0, rows=1),
        training_noise(NORMAL, name="", seed=0, epoch=1, step=0, lane=0, rows=1),
        training_noise(NORMAL, name="", seed=0, epoch=0, step=1, lane=0, rows=1),
        training_noise(NORMAL, name="", seed=0, epoch=0, step=0, lane=1, rows=1),
    ]
    assert len({d.tobytes() for d in draws}) == len(draws)


def test_noise_follows_its_distribution() -> None:
    normal = row_noise(NoiseSpec((100,)), range(2000), seed=3)
    uniform = row_noise(NoiseSpec((100,), "uniform"), range(2000), seed=3)
    # Four standard errors of 200,000 draws.
    assert abs(normal.mean()) < 4 / np.sqrt(2e5)
    assert abs(normal.var() - 1) < 4 * np.sqrt(2 / 2e5)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 2e5)


def test_noise_of_no_rows_keeps_its_shape() -> None:
    assert row_noise(UNIFORM, [], seed=0).shape == (0, 4)
    assert set(row_noises({"a": UNIFORM}, [1], seed=0, stream=Stream.TRAIN)) == {"a"}


@given(st.integers(0, 500), st.integers(0, 2**63), st.integers(0, 100))
def test_a_permutation_holds_every_number_once(length: int, seed: int, epoch: int) -> None:
    order = permutation(length, seed=seed, stream=Stream.ROWS, at=(epoch, 0, 0))
    assert sorted(order.tolist()) == list(range(length))
