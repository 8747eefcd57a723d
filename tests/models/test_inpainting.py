"""What is given to models that fill in missing pixels, and what of it is refused."""

from typing import Any

import numpy as np
import pytest
from parts import outlined, spec_of

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.description import given_as_json
from sparkgen.models.discovery import model_names, outline
from sparkgen.models.inpainting import partial_picture
from sparkgen.models.portable import GivenEntry
from sparkgen.sampling.given import check_given

SPEC = DataSpec(ImageRecord((1, 2, 1)), 10)
SEQUENTIAL = ("gated_pixel_cnn", "made", "pixel_cnn", "pixel_rnn")
FILLS_IN = {
    "diffusion.ddpm",
    "reconstruction.denoising_autoencoder",
    *(f"autoregressive.{name}" for name in SEQUENTIAL),
}
ROWS, MASK = {"from": "rows"}, {"from": "mask"}


def test_missing_pixels_are_filled_in_by_six_models() -> None:
    assert {
        name for name in model_names() if "known" in outlined(name, {}, spec_of(name)).given
    } == FILLS_IN


@pytest.mark.parametrize(
    ("given", "lacking"),
    [({"image": ROWS}, "known to be given to made with image"), ({"known": MASK}, "image to be")],
)
def test_a_picture_without_a_mask_and_a_mask_without_a_picture_are_refused(
    given: dict[str, Any], lacking: str
) -> None:
    takes = outline("autoregressive.made", {}, SPEC).given
    check_given(SamplingConfig(given={"image": ROWS, "known": MASK}), takes, SPEC, model="made")
    entries = {k: GivenEntry.model_validate(given_as_json(one)) for k, one in takes.items()}
    for said in (takes, entries):  # by the model, and by a saved model's description
        with pytest.raises(RequestError, match=f"{lacking}.*found none: give it, or leave"):
            check_given(SamplingConfig(given=given), said, SPEC, model="made")


def test_an_autoencoder_takes_a_picture_without_a_mask() -> None:
    takes = outline("reconstruction.denoising_autoencoder", {}, SPEC).given
    check_given(SamplingConfig(given={"image": ROWS}), takes, SPEC, model="denoising")
    with pytest.raises(RequestError, match="image to be given to denoising with known"):
        check_given(SamplingConfig(given={"known": MASK}), takes, SPEC, model="denoising")


def test_a_pixel_is_known_where_its_mask_is_white() -> None:
    image, mask, made = np.float32([[[[0.1], [0.2]]], [[[1.0], [0.0]]], [[[0.3], [0.4]]]])
    picture = partial_picture({"image": image[None], "known": mask[None]}, SPEC)
    assert picture is not None
    np.testing.assert_array_equal(picture.over(made[None]), np.float32([[[[0.1], [0.4]]]]))
    assert partial_picture({}, SPEC) is None
