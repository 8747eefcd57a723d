import numpy as np

from sparkgen.distribution.ring import Alone
from sparkgen.training.pulse import GROWTH, Pulse


class PairedRing(Alone):
    """A rank whose peer says `other`."""

    size = 2

    def __init__(self, rank, other):
        self.rank, self.other = rank, np.array(other, np.float64)

    def sum(self, values):
        return values + self.other


def test_one_wish_to_stop_is_everybodys():
    agreement = Pulse(PairedRing(0, [1, 0, 0, 0]), 60.0).beat(steps=1, stop=False, finite=True)
    assert agreement.stop
    assert agreement.finite


def test_one_infinite_loss_is_everybodys():
    assert (
        not Pulse(PairedRing(0, [0, 1, 0, 0]), 60.0).beat(steps=1, stop=False, finite=True).finite
    )


def test_rank_0_alone_decides_on_checkpoints_and_the_next_beat():
    pulse = Pulse(PairedRing(1, [0, 0, 1, 5]), 0.0)
    assert pulse.beat(steps=1, stop=False, finite=True).checkpoint
    assert pulse.steps == 5


def test_a_checkpoint_is_due_by_the_clock():
    pulse = Pulse(Alone(), 1e-9)
    assert pulse.beat(steps=1, stop=False, finite=True).checkpoint
    assert not Pulse(Alone(), 3600.0).beat(steps=1, stop=False, finite=True).checkpoint
    assert not Pulse(Alone(), None).beat(steps=1, stop=False, finite=True).checkpoint


def test_bursts_grow_by_no_more_than_a_fixed_factor():
    pulse = Pulse(Alone(), None)
    pulse.beat(steps=1, stop=False, finite=True)
    assert 1 <= pulse.steps <= GROWTH
