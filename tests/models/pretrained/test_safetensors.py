"""Files of tensors, and what is wrong with damaged ones."""

import json

import numpy as np
import pytest

from sparkgen.models.pretrained._safetensors import read_tensors


def file_of(entries: dict[str, tuple[str, list[int], bytes]], **changes: object) -> bytes:
    header, numbers = {}, b""
    for name, (dtype, shape, data) in entries.items():
        at = [len(numbers), len(numbers) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": at} | changes
        numbers += data
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + numbers


X = np.array([[1.5, -2.0, 0.25]], np.float32)


def test_every_kind_of_floats_is_read_as_float32_and_others_are_left_out() -> None:
    bfloat = (X.view(np.uint32) >> 16).astype("<u2")
    found = read_tensors(
        file_of(
            {
                "full": ("F32", [1, 3], X.tobytes()),
                "half": ("F16", [1, 3], X.astype("<f2").tobytes()),
                "brain": ("BF16", [1, 3], bfloat.tobytes()),
                "double": ("F64", [3], X.astype("<f8").tobytes()),
                "mask": ("BOOL", [2], b"\1\0"),
            }
        )
    )
    assert list(found) == ["full", "half", "brain", "double"]
    for values in found.values():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values.ravel(), X.ravel())


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data_offsets": [0, 400]}, "lies outside the file"),
        ({"data_offsets": [-8, 4]}, "lies outside the file"),
        ({"shape": [2, 3]}, "not as many numbers as its shape says"),
        ({"shape": [-1, -3]}, "lies outside the file"),
        ({"shape": None}, "its header is damaged"),
        ({"dtype": ["F32"]}, "its header is damaged"),
    ],
)
def test_a_damaged_entry_is_told(changes: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        read_tensors(file_of({"x": ("F32", [1, 3], X.tobytes())}, **changes))


@pytest.mark.parametrize("data", [b"", b"\1", b"\xff" * 40, (30).to_bytes(8, "little") + b"x" * 30])
def test_what_is_no_such_file_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"begin as a .safetensors file|Expecting value"):
        read_tensors(data)
