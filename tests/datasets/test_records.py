"""What a kind of record says of its rows."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from sparkgen.datasets.records import ImageRecord, TokenRecord
from sparkgen.errors import SparkgenError


def test_images_are_points_whose_distance_is_that_of_their_pixels_in_0_to_1() -> None:
    record = ImageRecord((2, 2, 1))
    images = np.zeros((3, 2, 2, 1), np.uint8)
    images[1, 0, 0], images[2] = 1, 255
    points = record.points(images)
    assert (points.dtype, points.shape) == (np.float32, (3, 4))
    assert points.tobytes() == record.to_model(images).tobytes()
    distances = np.linalg.norm(points - points[0], axis=1)
    np.testing.assert_allclose(distances, [0, 1 / 255, 2], rtol=1e-6)
    # One grey level of one pixel makes another picture.
    assert distances[0] < record.copy_distance < distances[1]


def test_a_tensor_and_an_array_of_stored_numbers_are_seen_alike() -> None:
    tokens, images = TokenRecord((3,), 1000), ImageRecord((16, 16, 1))
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    for record, stored in ((images, grey), (tokens, np.array([[0, 7, 999]], tokens.dtype))):
        seen = record.to_model(stored)
        assert seen.dtype == record.model_dtype
        as_tensor = record.to_model(tf.constant(stored), tf.cast).numpy()
        assert seen.tobytes() == as_tensor.tobytes()
    assert images.to_model(grey).reshape(-1)[51] == np.float32(0.2)


def test_tokens_are_points_whose_distance_counts_the_places_that_differ() -> None:
    record = TokenRecord((200,), 50_000)
    random = np.random.default_rng(0)
    blocks = np.tile(random.integers(0, 50_000, 200).astype(record.dtype), (5, 1))
    for block, places in enumerate((0, 1, 50, 200)):
        # The next token is no nearer than any other.
        blocks[block, :places] = (blocks[block, :places] + 1) % 50_000
    points = record.points(blocks)
    assert (points.dtype, points.shape) == (np.float32, (5, 1600))
    distances = np.linalg.norm(points[:4] - points[4], axis=1)
    assert distances[0] == 0 < record.copy_distance < distances[1]
    np.testing.assert_allclose(distances[2:] ** 2, [50, 200], rtol=0.15)


def test_no_two_tokens_are_taken_for_the_same() -> None:
    record = TokenRecord((1,), 100_000)
    points = record.points(np.arange(100_000, dtype=record.dtype)[:, None])
    assert len(np.unique(points, axis=0)) == 100_000


@pytest.mark.parametrize("made", [np.array([[1.9]]), np.array([[True]])])
def test_tokens_that_are_no_integers_are_refused(made: np.ndarray) -> None:
    with pytest.raises(SparkgenError, match=f"the model gives tokens as {made.dtype}"):
        TokenRecord((1,)).to_stored(made)
    assert TokenRecord((1,)).to_stored(np.array([[7]], np.int32)).tolist() == [[7]]


def test_records_of_other_values_are_told_apart_in_words() -> None:
    assert str(TokenRecord((17,))) == "tokens records of shape [17] and 256 values"
    assert str(TokenRecord((17,), 99)) == "tokens records of shape [17] and 99 values"


def test_a_column_is_decoded_alike_however_arrow_holds_it() -> None:
    record = TokenRecord((3,), 1000)
    tokens = np.arange(21, dtype=record.dtype).reshape(7, 3)
    column = record.encode(tokens)
    holdings = {
        "one piece": column,
        "a slice": pa.concat_arrays([column[:2], column, column[:1]])[2:9],
        "pieces": pa.chunked_array([column[:3], column[3:3], column[3:]]),
        "long offsets": column.cast(pa.large_binary()),
        "cells": column.to_pylist(),
    }
    for name, held in holdings.items():
        decoded = record.decode(held)
        assert (decoded.dtype, decoded.tolist()) == (record.dtype, tokens.tolist()), name
        assert not decoded.flags.writeable, name
    for empty in ([], column[:0], pa.chunked_array([], pa.binary())):
        assert record.decode(empty).shape == (0, 3)
    with pytest.raises(TypeError):
        record.decode(pa.array([b"123456", None], pa.binary()))


def test_a_column_in_one_piece_is_not_copied() -> None:
    record = ImageRecord((2, 2, 1))
    column = record.encode(np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1))
    assert record.decode(column[1:]).ctypes.data == column.buffers()[2].address + 4
