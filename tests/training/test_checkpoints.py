import logging

import numpy as np
import pytest

from sparkgen.training.checkpoints import decode, encode, list_checkpoints, newest, write


def checkpoint(number):
    return encode({"w": np.full(1000, number, np.float32)}, {"number": number})


def test_arrays_and_facts_come_back():
    arrays = {"a/0": np.arange(6, dtype=np.int64).reshape(2, 3), "b": np.float32(1.5)}
    back = decode(encode(arrays, {"epoch": 3, "history": [{"loss": 0.1}]}))
    assert back.facts == {"epoch": 3, "history": [{"loss": 0.1}]}
    for name, array in arrays.items():
        assert (back.arrays[name] == array).all()
        assert back.arrays[name].dtype == array.dtype


def test_nothing_that_needs_unpickling_is_read():
    data = encode({"w": np.array([{"a": 1}], dtype=object)}, {})
    with pytest.raises(ValueError, match="whole checkpoint"):
        decode(data)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(share):
    data = checkpoint(1)
    with pytest.raises(ValueError, match="whole checkpoint"):
        decode(data[: int(share * len(data))])


def test_a_flipped_bit_anywhere_is_noticed():
    data = encode({"w": np.arange(3.0), "b": np.float32(2)}, {"number": 1})
    for at in range(len(data)):
        for bit in (0, 4, 6):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            with pytest.raises(ValueError, match="whole checkpoint"):
                decode(bytes(damaged))


def test_a_checkpoint_written_before_without_a_digest_is_read():
    data = checkpoint(1)
    before = data[: -64 - 2] + bytes(2)
    assert decode(before).facts == {"number": 1}


def test_the_last_ones_stay(tmp_path):
    for steps in (5, 10, 100, 1000):
        write(str(tmp_path), checkpoint(steps), steps=steps, keep=2)
    names = [path.rpartition("/")[2] for path in list_checkpoints(str(tmp_path))]
    assert names == ["checkpoint-0000001000.npz", "checkpoint-0000000100.npz"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)


def test_a_damaged_checkpoint_is_skipped_for_the_one_before(tmp_path, caplog):
    for steps in (1, 2):
        path = write(str(tmp_path), checkpoint(steps), steps=steps, keep=2)
    with open(path, "r+b") as file:
        file.truncate(500)
    with caplog.at_level(logging.WARNING):
        assert decode(newest(str(tmp_path))).facts == {"number": 1}
    assert "skipping" in caplog.text


def test_an_empty_folder_has_none(tmp_path):
    assert newest(str(tmp_path / "nothing")) == b""
