import keras
import numpy as np
import pytest

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.datasets.rows import Rows
from sparkgen.evaluation.measure import (
    measure,
    measured_names,
    protocol_text,
    reconstruction_text,
)
from sparkgen.models.contract import NOTHING, GenerativeModel, Protocol
from sparkgen.models.discovery import outline
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack

NAMES = [str(n) for n in range(10)]


class Echo(GenerativeModel):
    """Gives every row back at half its brightness, and counts its bright pixels."""

    metric_names = ("bright",)
    by_class = ("bright",)
    reconstructs = True

    def reconstruct(self, x, given=NOTHING):
        return 0.5 * x

    def loss_terms(self, batch, *, training):
        return {"bright": keras.ops.sum(batch["image"], axis=(1, 2, 3))}


def test_a_model_of_no_known_kind_is_measured_by_what_it_declares() -> None:
    images = np.zeros((3, 8, 8, 1), np.uint8)
    images[1:] = np.array([51, 255]).reshape(2, 1, 1, 1)
    rows = Rows(np.arange(3), np.array([4, 4, 7], np.int32), images)
    model = Echo(DataSpec(ImageRecord((8, 8, 1)), 10))
    found = {
        m.name: m.values
        for m in measure(model, rows, EvaluationConfig(batch_rows=3), class_names=NAMES)
    }
    assert set(found) == {"bright", "bright_4", "bright_7", "mse", "binary_crossentropy"}
    np.testing.assert_allclose(found["bright"], [0, 64 / 5, 64], rtol=1e-6)
    np.testing.assert_allclose(found["bright_4"], [0, 64 / 5], rtol=1e-6)
    np.testing.assert_allclose(found["mse"], [0, 0.01, 0.25], rtol=1e-6)
    others = {f"bright_{name}" for name in "01235689"}
    assert measured_names(model, NAMES) == set(found) | others


def test_a_term_is_measured_of_the_rows_that_say_something_of_it_and_says_how() -> None:
    images = np.full((3, 8, 8, 1), 255, np.uint8)
    rows = Rows(np.arange(3), np.array([4, 7, 4], np.int32), images)
    model = Echo(DataSpec(ImageRecord((8, 8, 1)), 10))
    model.left_out, model.protocols = {"bright": (4,)}, {"bright": "the sum of the pixels"}
    first = next(measure(model, rows, EvaluationConfig(batch_rows=4), class_names=NAMES))
    assert (first.name, first.protocol) == ("bright", "the sum of the pixels")
    assert first.values.tolist() == [64.0]


def test_a_kind_of_record_without_errors_has_none_of_reconstructions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageRecord, "errors", ())
    model = Echo(DataSpec(ImageRecord((8, 8, 1)), 10))
    assert not {"mse", "binary_crossentropy"} & measured_names(model, NAMES)
    rows = Rows(np.arange(1), np.zeros(1, np.int32), np.zeros((1, 8, 8, 1), np.uint8))
    found = measure(model, rows, EvaluationConfig(batch_rows=1), class_names=NAMES)
    assert [m.name for m in found] == ["bright", "bright_0"]


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


def test_protocols_say_what_the_entries_of_a_record_are() -> None:
    images, tokens = ImageRecord((8, 8, 1)), TokenRecord((8,))
    protocol = Protocol("exact", "sum", "none", 1)
    told = "-log p in nats, exact, sum, {} none, 1 samples a row"
    assert protocol_text(protocol, images) == told.format("pixels")
    assert protocol_text(protocol, tokens) == told.format("tokens")
    assert reconstruction_text(images) == "reconstruction, mean over pixels in [0, 1]"
    assert reconstruction_text(tokens) == "reconstruction, mean over tokens"
