"""What tests of the ring share: two workers that start once, and compute all that is asked of a ring."""

from typing import Any

import pytest
import ring_functions

from sparkgen.distribution.launcher import launch

CALLS = {
    "places": ("places", {"a": [1]}),
    "statistics": ("normalise", {}),
    "hooked": ("train_linear", {"hook": True, "compression": "none"}),
    "drifting": ("train_linear", {"hook": False, "compression": "none"}),
    "halved": ("train_linear", {"hook": True, "compression": "fp16"}),
}


@pytest.fixture(scope="session")
def ring_of_two() -> dict[str, Any]:
    """What rank 0 of two local workers returns of each of the `CALLS`."""
    return launch(ring_functions.each, CALLS, workers=2, where="local", threads_per_worker=1)
