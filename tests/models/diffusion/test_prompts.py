"""The diffusion model that takes a prompt."""

import keras
import numpy as np
import pytest

from sparkgen.datasets.captions import caption_form, encode_captions, word_tokenizer
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.datasets.rows import Rows, make_batch
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model
from sparkgen.noise import row_noise

CAPTION = caption_form(word_tokenizer(["a", "seven", "thick", "thin"]), 4)
SPEC = DataSpec(ImageRecord((8, 8, 1), caption=CAPTION), 10)
OPTIONS = {"channels": [8], "embedding": 16, "steps": 20, "sampling_steps": 4, "prompts": True}
PROMPTS = ["a thick seven", "a thin seven", ""]


def random_model(**options: object) -> GenerativeModel:
    """A model with no weight at zero, as one that has learned."""
    keras.utils.set_random_seed(0)
    model = build_model("diffusion.ddpm", {**OPTIONS, **options}, SPEC)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(0.2 * random.normal(size=variable.shape).astype(np.float32))
    return model


@pytest.fixture(scope="module")
def model() -> GenerativeModel:
    return random_model()


def sample(model: GenerativeModel, prompts: list[str], **options: object) -> np.ndarray:
    noise = np.repeat(row_noise(model.noise, [5], seed=0), len(prompts), axis=0)
    given = {"prompt": prompts}
    if model.conditional:
        given["label"] = np.zeros(len(prompts), np.int32)
    return np.asarray(model.generate(noise, given, **options))


def test_samples_follow_their_prompts_from_the_same_noise(model: GenerativeModel) -> None:
    thick, thin, nothing = sample(model, PROMPTS)
    assert min(np.abs(thick - thin).max(), np.abs(thick - nothing).max()) > 1e-3
    np.testing.assert_array_equal(sample(model, ["A THICK, seven!", "", ""])[0], thick)


def test_without_guidance_prompts_do_not_matter_and_an_empty_one_is_the_same(
    model: GenerativeModel,
) -> None:
    without = sample(model, PROMPTS, guidance=0.0)
    np.testing.assert_allclose(without[0], without[1], atol=1e-5)
    np.testing.assert_allclose(without[2], sample(model, [""] * 3, guidance=3.0)[2], atol=1e-5)
    np.testing.assert_allclose(without[2], sample(model, [""] * 3, guidance=1.0)[2], atol=1e-5)


def test_a_prompt_with_words_that_no_caption_has_is_made_without_them_and_they_are_counted(
    model: GenerativeModel,
) -> None:
    strange, plain = ["a thick striped seven of stripes", ""], ["a thick seven", ""]
    made = sample(model, strange)
    np.testing.assert_array_equal(made, sample(model, plain))
    figures = model.figures_of(made, {"prompt": strange})
    assert figures["unknown_words"].tolist() == [1.0, 0.0]  # of the first four words
    assert set(figures) == set(model.figure_names)


def batch_of(model: GenerativeModel, captions: list[str]) -> dict:
    rows = Rows.zeros(SPEC.record, len(captions))
    rows = rows._replace(caption=encode_captions(captions, CAPTION).tokens.astype(np.uint8))
    return make_batch(rows, SPEC.record, model.training_noise, seed=0)


@pytest.mark.parametrize("conditional", [False, True])
def test_in_training_the_captions_of_some_rows_are_withheld(conditional: bool) -> None:
    model = random_model(conditional=conditional, label_dropout=0.5)
    batch = batch_of(model, ["a thick seven", "a thick seven"])
    (name,) = set(model.training_noise) - {"epsilon", "time"}
    batch["noise"][name] = np.array([0.4, 0.6], np.float32)
    withheld = {**batch, "caption": np.full_like(batch["caption"], CAPTION.values)}
    withheld["label"] = np.full_like(batch["label"], SPEC.classes)
    mse, of_none = (
        np.asarray(model.loss_terms(b, training=t)["mse"])
        for b, t in ((batch, True), (withheld, False))
    )
    np.testing.assert_allclose(mse[0], of_none[0], rtol=1e-5)
    assert abs(mse[1] - of_none[1]) > 1e-5


def test_a_data_set_without_captions_has_no_prompts() -> None:
    with pytest.raises(RequestError, match=r"captions for model\.options\.prompts"):
        build_model("diffusion.ddpm", OPTIONS, DataSpec(ImageRecord((8, 8, 1)), 10))


def test_a_model_of_captioned_pictures_makes_and_takes_pictures_without_them(
    model: GenerativeModel,
) -> None:
    assert model.makes == ImageRecord((8, 8, 1)) == model.given["image"].record
    assert model.sees(ImageRecord((8, 8, 1)))
    assert model.sees(SPEC.record)
