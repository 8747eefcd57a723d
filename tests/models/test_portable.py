"""Saved models: damage anywhere in their files is found, and models saved before still load."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import ModelError
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import MODEL_FILE, WEIGHTS_FILE, pack
from sparkgen.models.saving import load_model, save_model

NAME, OPTIONS = "reconstruction.dense_autoencoder", {"latent": 2}
SEALS = ("sealed_sha256", "weights_sha256")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(0)
    model = build_model(NAME, OPTIONS, DataSpec(ImageRecord((4, 4, 1)), 3))
    save_model(folder, model, name=NAME, options=OPTIONS)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def rewrite(folder: Path, change: Callable[[dict], object]) -> None:
    """Another description, as of a release that did not seal it."""
    path = folder / MODEL_FILE
    values = {k: v for k, v in json.loads(path.read_text()).items() if k not in SEALS}
    change(values)
    path.write_text(json.dumps(values))


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_a_flipped_bit_anywhere_is_found(copy: Path, name: str) -> None:
    path = copy / name
    written = path.read_bytes()
    random = np.random.default_rng(0)
    for at, bit in zip(
        random.integers(0, len(written), 60), random.integers(0, 8, 60), strict=True
    ):
        data = bytearray(written)
        data[at] ^= 1 << bit
        path.write_bytes(data)
        with pytest.raises(ModelError, match=str(path)) as caught:
            pack(copy)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_a_file_that_is_missing_or_cut_off_is_named(copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=str(copy / name)):
        load_model(copy)
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"a saved model in {copy}, found FileNotFoundError"):
        load_model(copy)


def test_a_model_saved_before_without_digests_loads(copy: Path, saved: Path) -> None:
    rewrite(copy, lambda values: None)
    for one, other in zip(load_model(copy).weights, load_model(saved).weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda v: v.update(options={"latent": 3}), "weights that fit the description"),
        (
            lambda v: v.update(options={"latents": 2}),
            "found reconstruction.dense_autoencoder without",
        ),
        (lambda v: v.update(name="reconstruction.gone"), "found reconstruction.gone without"),
        (lambda v: v.update(density={"kind": "cubic"}), "a model that this release builds"),
        (lambda v: v.pop("spec"), "found spec: Field required"),
        (lambda v: v.update(judge=1), "found judge: Extra inputs"),
    ],
)
def test_a_model_of_another_release_is_one_line(copy: Path, change, line: str) -> None:
    rewrite(copy, change)
    with pytest.raises(ModelError, match=line) as caught:
        load_model(copy, called="models:/tiny/1")
    assert "models:/tiny/1/model" in str(caught.value)
    assert "use the release of sparkgen that trained it" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_are_damaged_without_a_digest_are_one_line(copy: Path) -> None:
    rewrite(copy, lambda values: None)
    (copy / WEIGHTS_FILE).write_bytes(b"no HDF5 at all")
    with pytest.raises(ModelError, match="weights that fit the description"):
        load_model(copy)


def test_a_model_says_whether_it_classifies_and_before_it_did_its_name_says_so(
    copy: Path,
) -> None:
    saved_now = pack(copy)
    assert not saved_now.classifies
    rewrite(copy, lambda values: values.pop("classifies"))
    before = pack(copy)
    assert not before.classifies
    rewrite(copy, lambda values: values.update(name="discriminative.dense_classifier"))
    assert pack(copy).classifies
    rewrite(copy, lambda values: values.update(name="theirs.classifier", classifies=True))
    assert pack(copy).classifies
    # What a model says of its use is no part of what it is.
    assert before.digest == saved_now.digest
