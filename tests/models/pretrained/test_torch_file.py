from pathlib import Path

import numpy as np
import pytest
from torch_files import calling, torch_file

from sparkgen.models.pretrained._torch_file import read_tensors

TENSORS = {
    "conv.weight": np.arange(24, dtype="<f4").reshape(2, 3, 2, 2),
    "bias": np.array([0.5, -1.0], "<f4"),
    "seen": np.array(7, "<i8"),
    "none": np.zeros((0, 3), "<f4"),
}
FILE = torch_file(TENSORS)


def test_tensors_are_read_whatever_the_order_of_their_numbers() -> None:
    found = read_tensors(FILE)
    assert list(found) == list(TENSORS)
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found[name], tensor)


def test_a_function_that_a_file_names_is_refused_and_not_called(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for module in ("os", "posix"):
        with pytest.raises(ValueError, match=rf"it names {module}\.system, and only tensors"):
            read_tensors(calling(module, "system", f"touch {made}"))
    with pytest.raises(ValueError, match=r"it names builtins\.eval, and only tensors"):
        read_tensors(calling("builtins", "eval", f"open({str(made)!r}, 'w')"))
    assert not made.exists()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda data: data[:-1], "ends too early"),
        (lambda data: data[:60], "expected|exhausted|damaged"),
        (lambda data: data + b"\0", "goes on after its last number"),
        (lambda data: b"PK" + data, "."),
        (lambda data: data.replace(b"FloatStorage", b"QuantStorage", 1), r"names torch\.QuantSt"),
        (lambda data: data.replace(b"K\x00(", b"K\x01(", 1), "lies outside its storage"),
        (lambda data: data.replace(b"storage", b"stirage", 1), "refers to something"),
        (
            lambda data: data.replace(b"\x80\x02M\xe9\x03", b"\x80\x02M\xe8\x03", 1),
            "does not begin",
        ),
    ],
)
def test_a_damaged_file_is_refused(change, line: str) -> None:
    damaged = change(FILE)
    assert damaged != FILE
    with pytest.raises(ValueError, match=line):
        read_tensors(damaged)


def test_a_tensor_that_repeats_its_numbers_without_end_is_refused() -> None:
    file, wide = torch_file({"one": np.zeros((4, 1), "<f4")}), (2**30).to_bytes(4, "little")
    shape, strides = (b"(J%cXXXJ%cXXXt".replace(b"X", b"\0") % sizes for sizes in ((4, 1), (1, 4)))
    assert file.count(shape + strides) == 1
    endless = shape.replace(b"\4\0\0\0", wide) + strides.replace(b"\1\0\0\0", bytes(4))
    with pytest.raises(ValueError, match="more numbers than its storage"):
        read_tensors(file.replace(shape + strides, endless))


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (b"}" + b")" + b"\x85" * 200_000 + b"K\x01s.", "a tuple in a tuple in a tuple"),
        (b"(" + b")" + b"\x85" * 200_000 + b"tQ.", "a tuple in a tuple in a tuple"),
        (b"}" + b")" + b"\x85" + b"K\x01s.", "a key that is no text"),
        (b"}K\x02K\x01s.", "a key that is no text"),
    ],
)
def test_what_no_name_of_a_tensor_can_be_is_refused_before_it_is_looked_up(
    state: bytes, line: str
) -> None:
    head = FILE[: FILE.index(b"\x80\x02ccollections")]
    with pytest.raises(ValueError, match=line):
        read_tensors(head + b"\x80\x02" + state)
