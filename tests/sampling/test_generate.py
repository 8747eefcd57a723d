from pathlib import Path

import numpy as np
import pytest

from sparkgen.errors import RequestError, SparkgenError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.portable import pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.generate import Recipe, generate_batch, generate_rows
from sparkgen.sampling.given.in_turn import default_labels

RECIPE = Recipe(seed=3, batch_rows=16, options={})


@pytest.fixture(scope="module")
def model(autoencoder: Path) -> GenerativeModel:
    return unpack(pack(autoencoder))


def test_a_sample_is_the_same_in_any_company(model: GenerativeModel) -> None:
    whole = generate_rows(model, range(40), {}, RECIPE)
    assert len(np.unique(whole.reshape(40, -1), axis=0)) == 40
    for ids in ([7], [39, 7, 0], [16, 15], [5, 5]):
        assert np.array_equal(generate_rows(model, ids, {}, RECIPE), whole[ids])


def test_a_batch_holds_the_samples_of_its_ids(model: GenerativeModel) -> None:
    batch = generate_batch(model, 2, {}, RECIPE)
    assert np.array_equal(batch, generate_rows(model, range(32, 48), {}, RECIPE))


def test_another_seed_gives_other_samples(model: GenerativeModel) -> None:
    one = generate_rows(model, range(4), {}, RECIPE)
    other = generate_rows(model, range(4), {}, RECIPE._replace(seed=4))
    assert (one != other).any(axis=(1, 2, 3)).all()


def test_a_conditional_model_is_given_the_labels(conditional_vae: Path) -> None:
    model = unpack(pack(conditional_vae))
    threes = generate_rows(model, [5, 5, 6], {"label": np.array([3, 4, 3])}, RECIPE)
    assert (threes[0] != threes[1]).any()
    in_turn = generate_rows(model, [13], {}, RECIPE)
    assert np.array_equal(in_turn, generate_rows(model, [13], {"label": np.array([3])}, RECIPE))


def test_labels_come_in_turn() -> None:
    assert default_labels([0, 9, 10, 21], range(10)).tolist() == [0, 9, 0, 1]
    assert default_labels([0, 1, 2, 3, 4], (1, 5, 6)).tolist() == [1, 5, 6, 1, 5]


def test_ids_and_labels_that_cannot_be_are_refused(model: GenerativeModel) -> None:
    with pytest.raises(RequestError, match="ids from 0, found -1"):
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
    in_turn = generate_rows(model, range(4), {}, RECIPE)
    assert np.array_equal(
        in_turn, generate_rows(model, range(4), {"label": np.array([1, 5, 1, 5])}, RECIPE)
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
