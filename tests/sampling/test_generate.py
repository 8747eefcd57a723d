from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.models.portable import pack
from sparkgen.models.unpacking import unpack
from sparkgen.noise import NoiseSpec
from sparkgen.sampling.columns import Made, as_columns
from sparkgen.sampling.generate import Recipe, generate_batch, generate_rows
from sparkgen.sampling.given.in_turn import default_labels

RECIPE = Recipe(seed=3, batch_rows=16, options={})


@pytest.fixture(scope="module")
def model(autoencoder: Path) -> GenerativeModel:
    return unpack(pack(autoencoder))


def test_a_sample_is_the_same_in_any_company(model: GenerativeModel) -> None:
    whole = generate_rows(model, range(40), {}, RECIPE).data
    assert len(np.unique(whole.reshape(40, -1), axis=0)) == 40
    for ids in ([7], [39, 7, 0], [16, 15], [5, 5]):
        assert np.array_equal(generate_rows(model, ids, {}, RECIPE).data, whole[ids])


def test_a_batch_holds_the_samples_of_its_ids(model: GenerativeModel) -> None:
    batch = generate_batch(model, 2, {}, RECIPE).data
    assert np.array_equal(batch, generate_rows(model, range(32, 48), {}, RECIPE).data)


def test_another_seed_gives_other_samples(model: GenerativeModel) -> None:
    one = generate_rows(model, range(4), {}, RECIPE).data
    other = generate_rows(model, range(4), {}, RECIPE._replace(seed=4)).data
    assert (one != other).any(axis=(1, 2, 3)).all()


def test_a_conditional_model_is_given_the_labels(conditional_vae: Path) -> None:
    model = unpack(pack(conditional_vae))
    threes = generate_rows(model, [5, 5, 6], {"label": np.array([3, 4, 3])}, RECIPE).data
    assert (threes[0] != threes[1]).any()
    in_turn = generate_rows(model, [13], {}, RECIPE).data
    assert np.array_equal(
        in_turn, generate_rows(model, [13], {"label": np.array([3])}, RECIPE).data
    )


def test_labels_come_in_turn() -> None:
    assert default_labels([0, 9, 10, 21], range(10)).tolist() == [0, 9, 0, 1]
    assert default_labels([0, 1, 2, 3, 4], (1, 5, 6)).tolist() == [1, 5, 6, 1, 5]


def test_ids_and_labels_that_cannot_be_are_refused(model: GenerativeModel) -> None:
    with pytest.raises(RequestError, match="ids from 0 to 4611686018427387904, found -1"):
        generate_rows(model, [4, -1], {}, RECIPE)
    with pytest.raises(RequestError, match="image to be given to dense_autoencoder, found label"):
        generate_rows(model, [4], {"label": np.array([3])}, RECIPE)
    with pytest.raises(RequestError, match="a seed from 0"):
        generate_rows(model, [4], {}, RECIPE._replace(seed=-1))
    with pytest.raises(RequestError, match="batch_rows from 1"):
        generate_rows(model, [4], {}, RECIPE._replace(batch_rows=0))
    with pytest.raises(RequestError, match=r"sampling\.options among none"):
        generate_rows(model, [4], {}, RECIPE._replace(options={"steps": 3}))


def test_labels_that_training_did_not_see_are_refused(conditional_vae: Path) -> None:
    model = unpack(pack(conditional_vae))
    with pytest.raises(RequestError, match=r"labels among 0, 1, .*, 9, .* found 10"):
        generate_rows(model, [4], {"label": np.array([10])}, RECIPE)


def test_a_model_that_saw_some_labels_is_asked_for_those_only(saved_model) -> None:
    """The spec with its labels travels in model.json; one without them has seen all."""
    folder = saved_model("variational.vae", seen=(1, 5), latent=2, hidden=[8], conditional=True)
    model = unpack(pack(folder))
    assert model.spec.labels == (1, 5)
    in_turn = generate_rows(model, range(4), {}, RECIPE).data
    assert np.array_equal(
        in_turn, generate_rows(model, range(4), {"label": np.array([1, 5, 1, 5])}, RECIPE).data
    )
    with pytest.raises(RequestError, match="labels among 1, 5, those of the training rows"):
        generate_rows(model, [0], {"label": np.array([2])}, RECIPE)


def test_a_diverged_model_is_no_source_of_samples(conditional_vae: Path) -> None:
    unpack.cache_clear()
    model = unpack(pack(conditional_vae))
    model.trainable_variables[-1].assign(np.full(model.trainable_variables[-1].shape, np.nan))
    with pytest.raises(SparkgenError, match="diverged"):
        generate_rows(model, [0], {}, RECIPE)
    unpack.cache_clear()


class Letters(GenerativeModel):
    """Paints a picture as bright as its text is long."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec, name="letters")
        self.noise, self.given = NoiseSpec(()), {"prompt": Given("text")}

    def make(self, noise: Any, given: Mapping[str, Any], **options: Any) -> Any:
        lengths = np.array([len(text) for text in given["prompt"]], np.float32)
        return np.ones((1, *self.spec.shape), np.float32) * lengths[:, None, None, None] / 255


def test_a_text_is_given_to_each_sample() -> None:
    model = Letters(DataSpec(ImageRecord((2, 2, 1)), 1))
    texts = np.array(["", "a cat", "a dog that barks"], object)
    made = generate_rows(model, [4, 40, 3], {"prompt": texts}, RECIPE).data
    assert made[:, 0, 0, 0].tolist() == [0, 5, 16]
    last = generate_batch(
        model, 0, {"prompt": texts[:2]}, RECIPE
    ).data  # the rest of the batch is empty
    assert last[:, 0, 0, 0].tolist() == [0, 5, *[0] * 14]
    with pytest.raises(RequestError, match="prompt to be given to letters"):
        generate_rows(model, [0], {}, RECIPE)


class Styled(GenerativeModel):
    """Paints a picture as bright as its style, and 100 brighter where a mood is given."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec, name="styled")
        self.noise = NoiseSpec(())
        self.given = {
            "style": Given("label"),
            "mood": Given("label", required=False),
            "brush": Given("label", required=False, choices=3),
        }

    def make(self, noise: Any, given: Mapping[str, Any], **options: Any) -> Any:
        style_B = np.asarray(given["style"], np.float32) + 100 * ("mood" in given)
        return np.ones((1, *self.spec.shape), np.float32) * style_B[:, None, None, None] / 255


def test_a_label_under_another_name_is_one_of_the_training_rows_and_filled_in_where_needed() -> (
    None
):
    model = Styled(DataSpec(ImageRecord((2, 2, 1)), 10, (1, 5)))
    in_turn = generate_rows(model, [0, 1, 3], {}, RECIPE).data
    assert in_turn[:, 0, 0, 0].tolist() == [1, 5, 5]
    given = {"style": np.array([5, 5]), "mood": np.array([1, 1])}
    assert generate_rows(model, [0, 7], given, RECIPE).data[:, 0, 0, 0].tolist() == [105, 105]
    for name in given:
        with pytest.raises(RequestError, match=f"among 1, 5, .* as {name}, found 2"):
            generate_rows(model, [0], {name: np.array([2])}, RECIPE)


def test_a_number_of_the_models_own_is_one_of_those_that_there_are() -> None:
    model = Styled(DataSpec(ImageRecord((2, 2, 1)), 10, (1, 5)))
    made = generate_rows(model, [0, 1], {"brush": np.array([0, 2])}, RECIPE).data
    assert made[:, 0, 0, 0].tolist() == [1, 5]
    with pytest.raises(RequestError, match="numbers from 0 to 2 as brush, found 3"):
        generate_rows(model, [0], {"brush": np.array([3])}, RECIPE)


def test_texts_and_labels_that_were_given_stand_in_the_files() -> None:
    record, texts = ImageRecord((2, 2, 1)), np.array(["a", "b"], object)
    made, styles = Made(np.zeros((2, 2, 2, 1), np.uint8), {}), np.array([4, 7], np.int32)
    given = {"prompt": (texts, None), "style": (styles, None)}
    table = as_columns(range(2), 0, made, record, given)
    assert table["given_prompt"].to_pylist() == ["a", "b"]
    assert table["given_style"].to_pylist() == [4, 7]
    assert table["given_style"].type == pa.int32()
    assert table["label"].null_count == 2
