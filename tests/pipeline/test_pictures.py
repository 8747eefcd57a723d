"""The pictures that a model is trained by are read once, by the driver."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from parts import outlined
from sklearn.datasets import load_sample_image

from sparkgen.datasets.images import to_png
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.pipeline.pictures import leave_pictures, pictures_of
from sparkgen.training.request import picture_uri

FAST = "optimised.fast_style"


def model(style: str, channels: int = 3) -> GenerativeModel:
    return outlined(FAST, {"style": style}, DataSpec(ImageRecord((8, 8, channels)), 10))


def test_the_names_of_photographs_stand_for_them() -> None:
    (picture,) = pictures_of(model("photograph:flower")).values()
    assert picture.png == to_png(load_sample_image("flower.jpg"))


def test_a_picture_has_the_channels_of_the_records(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    path.write_bytes(to_png(np.full((3, 5, 3), [255, 0, 0], np.uint8)))
    (picture,) = pictures_of(model(str(path), channels=1)).values()
    assert picture.png == to_png(
        np.full((3, 5, 1), 76, np.uint8)
    )  # red is 0.299 as bright as white


def test_the_tags_of_a_run_say_which_files_it_began_with(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    path.write_bytes(to_png(np.full((3, 5, 3), [255, 0, 0], np.uint8)))
    pictures = pictures_of(model(str(path), channels=1))
    tags = leave_pictures(pictures, str(tmp_path / "run"))
    assert tags == {"picture_style_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert Path(picture_uri(str(tmp_path / "run"), "style")).read_bytes() == pictures["style"].png


@pytest.mark.parametrize(
    ("style", "found"),
    [
        ("photograph:flowr", r"found photograph:flowr: did you mean photograph:flower\?"),
        ("nowhere.png", r"as model\.options\.style, found nowhere\.png \(FileNotFoundError\)"),
        (__file__, r"found .*test_pictures\.py \(undecodable-image\)"),
    ],
)
def test_what_is_no_picture_is_refused_before_anything_is_started(style: str, found: str) -> None:
    with pytest.raises(RequestError, match=found):
        pictures_of(model(style))
