import numpy as np
import pytest

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.datasets.rows import Rows
from sparkgen.evaluation.measure import measure, measured_names
from sparkgen.models.discovery import outline
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack

NAMES = [str(n) for n in range(10)]


@pytest.mark.parametrize("model", ["packed_vae", "packed_classifier"])
def test_the_figures_that_there_can_be_are_those_that_are_measured(
    model: str, request: pytest.FixtureRequest
) -> None:
    packed: PortableModel = request.getfixturevalue(model)
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 1)).astype(np.uint8)
    rows = Rows(np.arange(10), np.arange(10, dtype=np.int32), images)
    config = EvaluationConfig(batch_rows=10, likelihood_samples=2)
    found = {m.name for m in measure(unpack(packed), rows, config, class_names=NAMES)}
    bits = {name.replace("_nats", "_bits_per_dim") for name in found}
    described = packed.description
    outlined = outline(
        described["name"], described["options"], DataSpec(ImageRecord((8, 8, 1)), 10)
    )
    assert measured_names(outlined, NAMES) == found | bits
