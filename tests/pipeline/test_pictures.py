"""The pictures that a model is trained by are read once, by the driver."""

from pathlib import Path

import numpy as np
import pytest
from parts import outlined
from sklearn.datasets import load_sample_image

from sparkgen.datasets.images import to_png
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.pipeline.pictures import pictures_of

FAST = "optimised.fast_style"


def model(style: str, channels: int = 3) -> GenerativeModel:
    return outlined(FAST, {"style": style}, DataSpec(ImageRecord((8, 8, channels)), 10))


def test_the_names_of_photographs_stand_for_them() -> None:
    (png,) = pictures_of(model("photograph:flower")).values()
    assert png == to_png(load_sample_image("flower.jpg"))


def test_a_picture_has_the_channels_of_the_records(tmp_path: Path) -> None:
    path = tmp_path / "style.png"
    path.write_bytes(to_png(np.full((3, 5, 3), [255, 0, 0], np.uint8)))
    (png,) = pictures_of(model(str(path), channels=1)).values()
    assert png == to_png(np.full((3, 5, 1), 76, np.uint8))  # red is 0.299 as bright as white


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
