"""What tests of the ring share: two workers of each backend that start once, and compute all that is
asked of a ring.
"""

from typing import Any

import pytest
import ring_functions

from sparkgen.distribution.backends import backend_names
from sparkgen.distribution.launcher import launch

CALLS = {
    "places": ("places", {"a": [1]}),
    "imported": ("imported_with_keras", {}),
    "carried": ("carry", {}),
    "statistics": ("normalise", {}),
    "hooked": ("train_linear", {"hook": True, "compression": "none"}),
    "drifting": ("train_linear", {"hook": False, "compression": "none"}),
    "halved": ("train_linear", {"hook": True, "compression": "fp16"}),
}


PROXY = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "grpc_proxy")}
"""One that does not answer: it is for the world outside, not for what workers tell each other."""


@pytest.fixture(scope="session", params=backend_names())
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn."""
    return request.param


@pytest.fixture(scope="session")
def ring_of_two(backend: str) -> dict[str, Any]:
    """What rank 0 of two local workers returns of each of the `CALLS`."""
    options = {"where": "local", "threads_per_worker": 1, "backend": backend}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PROXY.items():
            patch.setenv(name, value)
        return launch(ring_functions.each, CALLS, workers=2, **options)
