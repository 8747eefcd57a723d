import pickle
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from sparkgen.datasets.files import digest
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.rows import first_rows
from sparkgen.errors import ManifestError, RequestError
from sparkgen.feed.plan import Position, make_plan
from sparkgen.feed.reader import evaluation_batches, feed_errors, training_batches
from sparkgen.noise import NoiseSpec, Stream, row_noises, training_noise

NOISE = {"epsilon": NoiseSpec((2, 3)), "mask": NoiseSpec((), "uniform")}
BATCH = 16
Batches = list[dict[str, Any]]


def collect(batches: Iterable[Any]) -> Batches:
    return [tf.nest.map_structure(lambda tensor: tensor.numpy(), batch) for batch in batches]


def train(version: Any, *, rank: int = 0, size: int = 1, **options: Any) -> Batches:
    options = {"batch_size": BATCH, "seed": 3, "noise": NOISE, "epochs": 3} | options
    return collect(training_batches(version.uri, version.manifest, rank=rank, size=size, **options))


def evaluate(version: Any, *, rank: int, size: int, batch_rows: int = 7, **options: Any) -> Batches:
    return collect(
        evaluation_batches(
            version.uri,
            version.manifest,
            split="train",
            batch_rows=batch_rows,
            rank=rank,
            size=size,
            noise=NOISE,
            seed=9,
            **options,
        )
    )


def assert_same(these: Any, those: Any) -> None:
    tf.nest.map_structure(np.testing.assert_array_equal, these, those)


def of_rank(batch: dict[str, Any], rank: int, size: int) -> Any:
    """The rows of a global batch that lie in a rank's lanes, of four."""
    return tf.nest.map_structure(lambda a: np.concatenate(np.split(a, 4)[rank::size]), batch)


def test_training_batches_hold_the_rows_of_the_plan_and_the_noise_of_their_lane(
    make_version: Any,
) -> None:
    version = make_version(rows=101, shards=8, lanes=4)
    rows = [file.rows for file in version.manifest.splits["train"].files]
    first_id = np.cumsum([0, *rows])
    plan = make_plan(rows, lanes=4, batch_size=BATCH, seed=3)
    batches = iter(train(version))
    for span in plan.spans(range(4), start=Position(0, 0), epochs=3, steps=1):
        batch = next(batches)
        ids = [
            first_id[segment.shard]
            + plan.row_order(span.epoch, segment.shard)[segment.start : segment.stop]
            for lane in span.lanes
            for segment in plan.segments(span, lane)
        ]
        np.testing.assert_array_equal(batch["id"], np.concatenate(ids))
        np.testing.assert_array_equal(batch["label"], version.labels[batch["id"]])
        np.testing.assert_array_equal(batch["weight"], np.ones(BATCH, np.float32))
        at = {"seed": 3, "epoch": span.epoch, "step": span.step, "rows": BATCH // 4}
        for name, spec in NOISE.items():
            noise = [training_noise(spec, name=name, lane=lane, **at) for lane in range(4)]
            np.testing.assert_array_equal(batch["noise"][name], np.concatenate(noise))
    assert next(batches, None) is None


def test_images_are_their_bytes_over_255_to_the_last_bit(make_version: Any) -> None:
    version = make_version(rows=160)
    seen = set()
    for batch in train(version, epochs=1) + evaluate(version, rank=0, size=1, batch_rows=160):
        pixels = version.images[batch["id"]]
        np.testing.assert_array_equal(batch["image"], pixels.astype(np.float32) / np.float32(255))
        seen |= set(pixels.ravel().tolist())
    assert seen == set(range(256))


@pytest.mark.parametrize("size", [2, 4])
def test_ranks_together_get_the_rows_and_noise_that_one_rank_gets(
    make_version: Any, size: int
) -> None:
    version = make_version()
    alone = train(version)
    ranks = [train(version, rank=rank, size=size) for rank in range(size)]
    assert [len(rank) for rank in ranks] == [len(alone)] * size == [3 * (100 // BATCH)] * size
    for step, batch in enumerate(alone):
        for rank in range(size):
            assert_same(ranks[rank][step], of_rank(batch, rank, size))


@pytest.mark.parametrize("keep_bytes", [0, 2**30])
def test_a_seek_gives_what_a_replay_gives_from_there_on(
    make_version: Any, feed: str, keep_bytes: int
) -> None:
    version = make_version()
    whole = train(version)
    steps = 100 // BATCH
    for epoch, step in [(0, 1), (1, 0), (1, steps - 1), (2, 3)]:
        sought = train(version, start=Position(epoch, step), feed=feed, keep_bytes=keep_bytes)
        assert_same(sought, whole[epoch * steps + step :])


def test_streaming_gives_what_memory_gives_and_so_does_every_mix_of_both(
    make_version: Any, feed: str
) -> None:
    version = make_version(rows=203, shards=40)
    kept, streamed, mixed = (
        train(version, feed=feed, keep_bytes=keep_bytes) for keep_bytes in (2**30, 0, 1200)
    )
    assert_same(kept, streamed)
    assert_same(kept, mixed)


def test_batches_have_static_shapes(make_version: Any) -> None:
    version = make_version()
    options = {"noise": NOISE, "rank": 1, "size": 2, "seed": 0}
    at = (version.uri, version.manifest)
    for batches in (
        training_batches(*at, batch_size=BATCH, epochs=1, **options),
        evaluation_batches(*at, split="train", batch_rows=8, **options),
    ):
        spec = batches.element_spec
        assert spec["image"] == tf.TensorSpec((8, 4, 3, 1), tf.float32)
        assert spec["id"] == tf.TensorSpec((8,), tf.int64)
        assert spec["label"] == tf.TensorSpec((8,), tf.int32)
        assert spec["weight"] == tf.TensorSpec((8,), tf.float32)
        assert spec["noise"]["epsilon"] == tf.TensorSpec((8, 2, 3), tf.float32)
        assert spec["noise"]["mask"] == tf.TensorSpec((8,), tf.float32)


@pytest.mark.parametrize(("size", "feed"), [(1, "auto"), (3, "arrow"), (8, "auto"), (11, "auto")])
def test_evaluation_covers_every_row_once_with_the_noise_of_its_id(
    make_version: Any, size: int, feed: str
) -> None:
    version = make_version(rows=101, shards=8)
    ranks = [evaluate(version, rank=rank, size=size, feed=feed) for rank in range(size)]
    assert len({len(batches) for batches in ranks}) == 1
    rows = tf.nest.map_structure(
        lambda *arrays: np.concatenate(arrays), *(batch for rank in ranks for batch in rank)
    )
    real = rows["weight"] == 1
    np.testing.assert_array_equal(rows["id"][real], np.arange(101))
    np.testing.assert_array_equal(rows["label"][real], version.labels)
    assert (rows["weight"][~real] == 0).all()
    assert (rows["id"][~real] == -1).all()
    assert (rows["image"][~real] == 0).all()
    noise = row_noises(NOISE, range(101), seed=9, stream=Stream.EVALUATE)
    assert_same({name: values[real] for name, values in rows["noise"].items()}, noise)


def test_evaluation_is_the_same_when_it_is_gone_over_again(make_version: Any) -> None:
    version = make_version()
    for keep_bytes in (0, 2**30):
        batches = evaluation_batches(
            version.uri,
            version.manifest,
            split="train",
            batch_rows=30,
            rank=0,
            size=1,
            noise=NOISE,
            seed=0,
            keep_bytes=keep_bytes,
        )
        assert_same(collect(batches), collect(batches))


@pytest.mark.parametrize(("limit", "found"), [(0, 0), (1, 1), (30, 30), (100, 100), (10**9, 100)])
def test_read_rows_gives_the_first_rows(make_version: Any, limit: int, found: int) -> None:
    version = make_version()
    rows = first_rows(version.uri, version.manifest, split="train", limit=limit)
    np.testing.assert_array_equal(rows["id"], np.arange(found))
    np.testing.assert_array_equal(rows["label"], version.labels[:found])
    np.testing.assert_array_equal(
        rows["image"], version.images[:found].astype(np.float32) / np.float32(255)
    )


def test_paths_may_hold_any_character(make_version: Any) -> None:
    version = make_version(folder="a b#c?d%20e;f=g:h+ä")
    rows = first_rows(version.uri, version.manifest, split="train", limit=100)
    np.testing.assert_array_equal(rows["id"], np.arange(100))


def test_a_uri_with_a_scheme_is_read_like_a_path(make_version: Any) -> None:
    version = make_version()
    rows = first_rows(f"file://{version.uri}", version.manifest, split="train", limit=5)
    np.testing.assert_array_equal(rows["id"], np.arange(5))


# -- versions that are not as they should be -----------------------------------------------------


def test_a_missing_file_is_named_when_the_feed_is_opened(make_version: Any) -> None:
    version = make_version()
    version.file(3).unlink()
    with pytest.raises(ManifestError, match=r"part-00003.parquet, found no such file"):
        train(version)
    with pytest.raises(ManifestError, match=r"part-00003.parquet, found no such file"):
        evaluate(version, rank=0, size=1)


def test_a_shortened_file_is_named_when_the_feed_is_opened(make_version: Any) -> None:
    version = make_version()
    data = version.file(2).read_bytes()
    version.file(2).write_bytes(data[:-10])
    with pytest.raises(ManifestError, match=rf"expected {len(data)} bytes in .*part-00002"):
        train(version)
    with pytest.raises(ManifestError, match=f"found {len(data) - 10}"):
        first_rows(version.uri, version.manifest, split="train", limit=100)


def test_a_rank_looks_at_its_own_files_of_the_epoch_only(make_version: Any) -> None:
    version = make_version()
    version.file(3).unlink()
    refused = 0
    for rank in range(4):
        try:
            options = {"batch_size": BATCH, "seed": 3, "noise": {}, "epochs": 1}
            training_batches(version.uri, version.manifest, rank=rank, size=4, **options)
        except ManifestError:
            refused += 1
    assert refused == 1


@pytest.mark.parametrize("place", [60, -60])
def test_a_file_with_damage_inside_is_named(make_version: Any, place: int) -> None:
    version = make_version()
    data = bytearray(version.file(1).read_bytes())
    data[place : place + 20] = bytes(20)
    version.file(1).write_bytes(data)
    with pytest.raises(ManifestError, match=r"part-00001.parquet"):
        first_rows(version.uri, version.manifest, split="train", limit=100)


def test_a_bit_flipped_anywhere_in_a_file_is_named(make_version: Any) -> None:
    version = make_version(rows=40, shards=4)
    written = version.file(1).read_bytes()
    random = np.random.default_rng(0)
    for at, bit in zip(
        random.integers(0, len(written), 20), random.integers(0, 8, 20), strict=True
    ):
        data = bytearray(written)
        data[at] ^= 1 << bit
        version.file(1).write_bytes(data)
        with pytest.raises(ManifestError, match=r"part-00001.parquet, found others"):
            first_rows(version.uri, version.manifest, split="train", limit=40)


@pytest.mark.parametrize("make", [train, partial(evaluate, rank=0, size=1)])
def test_an_error_of_the_feed_comes_through_tensorflow_as_itself(
    make_version: Any, make: Any, feed: str
) -> None:
    version = make_version()
    data = bytearray(version.file(3).read_bytes())
    data[50] ^= 1
    version.file(3).write_bytes(data)
    with pytest.raises(ManifestError, match=r"part-00003.parquet, found others"), feed_errors():
        make(version, feed=feed)


def test_a_file_with_other_pictures_than_the_manifest_says_is_named(make_version: Any) -> None:
    version = make_version()
    table = pq.read_table(version.file(0))
    short = pa.array([image[:-1] for image in table["image"].to_pylist()], pa.binary())
    pq.write_table(table.set_column(2, "image", short), version.file(0))
    data = version.file(0).read_bytes()
    entry = version.manifest.splits["train"].files[0]
    entry = entry.model_copy(update={"bytes": len(data), "sha256": digest(data)})
    train_split = version.manifest.splits["train"]
    files = (entry, *train_split.files[1:])
    split = train_split.model_copy(update={"files": files})
    manifest = version.manifest.model_copy(update={"splits": {"train": split}})
    with pytest.raises(ManifestError, match=r"part-00000.parquet"):
        first_rows(version.uri, manifest, split="train", limit=100)


class _Bomb:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickled_schema_is_refused_and_never_unpickled(
    make_version: Any, tmp_path: Path, feed: str
) -> None:
    version, trace = make_version(), tmp_path / "exploded"
    unischema = {b"dataset-toolkit.unischema.v1": pickle.dumps(_Bomb(trace))}
    for folder in (Path(version.uri), Path(version.uri) / "train"):
        schema = pq.read_schema(version.file(0)).with_metadata(unischema)
        pq.write_metadata(schema, folder / "_common_metadata")
    with pytest.raises(ManifestError, match=r"_common_metadata, which may carry a pickled"):
        read_manifest(version.uri)
    assert len(train(version, epochs=1, feed=feed)) == 100 // BATCH
    assert not trace.exists()


def test_requests_that_do_not_fit_the_lanes_are_refused(make_version: Any) -> None:
    version = make_version()
    with pytest.raises(RequestError, match="divides the 4 lanes, found 3"):
        train(version, size=3)
    with pytest.raises(RequestError, match="multiple of the 4 lanes, found 18"):
        train(version, batch_size=18)
    with pytest.raises(ManifestError, match="a split 'test' with rows in dataset toy"):
        first_rows(version.uri, version.manifest, split="test", limit=1)
