import json
from pathlib import Path

import keras
import pytest

from sparkgen.datasets.manifest import Manifest, SplitEntry
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.discovery import build_model, outline
from sparkgen.models.saving import load_model, save_model

OPTIONS = {"latent": 2, "hidden": [4], "conditional": True}


def manifest(counts: dict[int, int]) -> Manifest:
    return Manifest(
        name="tiny",
        version="",
        shape=(4, 4, 1),
        class_names=("a", "b", "c"),
        lanes=1,
        splits={"train": SplitEntry(rows=9, label_counts=counts, files=())},
        quarantined={},
        sources=(),
        config={},
        libraries={},
    )


def test_a_spec_names_the_labels_that_training_rows_have() -> None:
    assert manifest({0: 3, 1: 0, 2: 6}).spec == DataSpec(ImageRecord((4, 4, 1)), 3, (0, 2))
    assert manifest({2: 9}).spec.labels == (2,)


def test_a_spec_that_has_seen_all_labels_names_none() -> None:
    assert manifest({0: 3, 1: 3, 2: 3}).spec == DataSpec(ImageRecord((4, 4, 1)), 3)
    assert DataSpec(ImageRecord((4, 4, 1)), 3).labels == (0, 1, 2)


@pytest.mark.parametrize("seen", [None, (0, 2)])
def test_a_saved_model_knows_the_labels_that_training_saw(
    tmp_path: Path, seen: tuple[int, ...] | None
) -> None:
    keras.utils.set_random_seed(0)
    spec = DataSpec(ImageRecord((4, 4, 1)), 3, seen)
    model = build_model("variational.vae", OPTIONS, spec)
    save_model(tmp_path, model, name="variational.vae", options=OPTIONS)
    assert load_model(tmp_path).spec == spec
    described = json.loads((tmp_path / "model.json").read_text())["spec"]
    assert ("seen" in described) == (seen is not None)


def test_a_misspelt_model_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(RequestError, match=r"did you mean variational\.vae\?"):
        outline("variational.vea", {}, DataSpec(ImageRecord((4, 4, 1)), 3))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("discriminative.conv_classifier", {"kernels": [0, 3]}),
        ("discriminative.conv_classifier", {"filters": 0}),
        ("discriminative.dense_classifier", {"hidden": [8, 0]}),
        ("discriminative.full_classifier", {"hidden": 0}),
        ("discriminative.full_classifier", {"filters": -1}),
        ("discriminative.full_classifier", {"dropout": 1.0}),
        ("adversarial.gan", {"generator": [0]}),
        ("adversarial.wgan_gp", {"hidden": [0]}),
        ("autoregressive.made", {"hidden": [0]}),
        ("reconstruction.conv_autoencoder", {"decoder_filters": [0, 1]}),
        ("reconstruction.denoising_autoencoder", {"hidden": [0]}),
        ("reconstruction.tanh_autoencoder", {"hidden": [0]}),
        ("variational.vae", {"filters": [0]}),
        ("variational.vq_vae", {"filters": [0]}),
    ],
)
def test_a_layer_without_units_is_refused_in_a_line(name: str, options: dict) -> None:
    (key,) = options
    with pytest.raises(RequestError, match=rf"{key}.* (greater|less) than") as error:
        outline(name, options, DataSpec(ImageRecord((8, 8, 1)), 3))
    assert "\n" not in str(error.value)
