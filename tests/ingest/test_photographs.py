"""The built-in photographs are cut into tiles, of which those for the test show other parts."""

from pathlib import Path

import numpy as np
import pytest

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.images.photographs import load_photographs, tiles
from sparkgen.ingest.sources import source_of


def dataset(shape: list[int], name: str = "photographs") -> DatasetConfig:
    source = {"format": "builtin", "dataset": name}
    return DatasetConfig.model_validate({"name": "tiny", "source": source, "shape": shape})


def numbered(height: int, width: int) -> np.ndarray:
    """A picture whose pixels all differ: uint8 (height, width, 3)."""
    number = np.arange(height * width, dtype="<u4")
    return number.view(np.uint8).reshape(height, width, 4)[..., :3]


def test_each_pixel_is_in_one_tile_at_most_and_the_test_has_the_last_fifth_of_the_columns() -> None:
    found = tiles([numbered(9, 44), numbered(9, 44) + np.uint8([0, 0, 1])], (4, 4, 3))
    assert [len(part.labels) for part in found.values()] == [2 * 2 * 8, 2 * 2 * 3]
    assert [part.labels.tolist() for part in found.values()] == [
        [0] * 16 + [1] * 16,
        [0] * 6 + [1] * 6,
    ]
    pixels = np.concatenate([part.pictures.reshape(-1, 3) for part in found.values()])
    assert len(np.unique(pixels, axis=0)) == len(pixels) == 2 * 8 * 44
    np.testing.assert_array_equal(found["test"].pictures[0], numbered(9, 44)[:4, 32:36])


@pytest.mark.parametrize(("channels", "form"), [(3, (64, 64, 3)), (1, (64, 64, 1))])
def test_the_photographs_make_tiles_in_colour_and_in_grey(channels: int, form: tuple) -> None:
    found = tiles(load_photographs(), (64, 64, channels))
    assert {split: part.pictures.shape for split, part in found.items()} == {
        "train": (96, *form),
        "test": (24, *form),
    }


def test_the_source_gives_the_tiles_as_records_of_two_classes(tmp_path: Path) -> None:
    asked = dataset([64, 64, 3])
    source = source_of(asked)
    files = source.files(asked)
    assert {f.uri for some in files.values() for f in some} == {"builtin:photographs"}
    work = source.shares(asked, files, tasks=1, scratch=str(tmp_path))
    assert work.names(asked) == ("china", "flower")
    blocks = [block for share in work.shares for block in share.blocks()]
    expected = tiles(load_photographs(), (64, 64, 3))
    for split, part in expected.items():
        records = [block.records for block in blocks if block.split == split]
        data = np.concatenate([some.data for some in records])
        np.testing.assert_array_equal(data.reshape(part.pictures.shape), part.pictures)
        assert np.concatenate([some.labels for some in records]).tolist() == part.labels.tolist()
        assert [some.bad for some in records] == [[]]


@pytest.mark.parametrize("shape", [[428, 64, 3], [64, 321, 3]])
def test_tiles_that_leave_none_for_a_split_are_refused(shape: list[int]) -> None:
    with pytest.raises(RequestError, match=f"found dataset.shape \\[{shape[0]}, {shape[1]}, 3\\]"):
        source_of(dataset(shape))


def test_the_digits_take_no_notice_of_it() -> None:
    digits = source_of(dataset([8, 8, 1], "digits"))
    assert digits.model_dump() == {"dataset": "digits"}
    assert digits.files(dataset([8, 8, 1], "digits"))["train"][0].uri == "builtin:digits"
