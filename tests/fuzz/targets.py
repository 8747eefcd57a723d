"""What reads bytes from outside, each as a function of one damaged input.

A target writes the bytes where a user would have them and reads them as the program does. It may
refuse them by one of the project's own errors; anything else that is raised is a fault.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pyarrow as pa
from PIL import Image, ImageCms, features
from tiny_version import write_version
from torch_files import torch_file
from web_server import raw, running

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.load import load_dataset, load_experiment
from sparkgen.datasets.manifest import MANIFEST, read_manifest
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.datasets.rows import batches_of, read_file
from sparkgen.datasets.versions import list_versions
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.ingest.fetching.download import fetch_missing
from sparkgen.ingest.fetching.web import Patience
from sparkgen.ingest.images.decode import BadImage, ImageRule, decode_image
from sparkgen.ingest.images.pictures import Picture, decode_pictures
from sparkgen.ingest.sources import source_of
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import MODEL_FILE, WEIGHTS_FILE
from sparkgen.models.pretrained._torch_file import read_tensors
from sparkgen.models.saving import load_model, save_model
from sparkgen.pipeline.inspect import run as inspect
from sparkgen.pipeline.journal import Journal, checkpoint_uri, unfinished, write_journal
from sparkgen.sampling.sample_set import read_sample_set
from sparkgen.training import checkpoints
from sparkgen.training.request import identity

CONF = Path(__file__).parents[2] / "conf"
CLASSES = ("cat", "dog", "owl")
SHAPE = (3, 4, 1)


class Target(NamedTuple):
    """A reader of bytes: whole inputs to start from, and what is done with one."""

    seeds: list[bytes]
    run: Callable[[bytes, Path], None]
    """Reads an input; the folder is empty and its own."""


def read(target: Target, data: bytes) -> None:
    """Reads one input, which the target may refuse but must not trip over."""
    with tempfile.TemporaryDirectory(prefix="sparkgen-fuzz-") as folder:
        try:
            target.run(data, Path(folder))
        except SparkgenError as error:
            line = str(error)
            if not line.strip() or "\n" in line or len(line) > 4000:
                raise AssertionError(f"an error that is no one line: {line[:500]!r}") from error


# -- sources ------------------------------------------------------------------------------------


def libsvm_text() -> bytes:
    lines = ["# three pictures", "0 1:255 4:17 12:3", "1 2:0.5 3:1e2  # a dog", "", "2 qid:3 11:9"]
    return "\n".join(lines).encode() + b"\n"


def picture(kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def pictures() -> list[bytes]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = Image.Exif()
    turned[0x0112] = 6
    return [
        picture(),
        picture(mode="P"),
        picture(mode="LA"),
        picture(mode="I;16"),
        picture(icc_profile=srgb),
        picture(icc_profile=profile),
        picture("JPEG", exif=turned.tobytes()),
        picture("JPEG", mode="CMYK"),
        picture("JPEG", progressive=True, icc_profile=srgb),
        picture("GIF"),
        picture("BMP"),
        picture("WEBP", lossless=True),
        picture("WEBP"),
        picture("TIFF"),
        picture("TIFF", mode="CMYK", compression="tiff_lzw"),
        picture("TIFF", mode="I;16", compression="tiff_adobe_deflate"),
        picture("PPM"),
        *([picture("AVIF")] if features.check("avif") else []),
    ]


def members() -> dict[str, bytes]:
    names = [f"{s}/{c}/{n}.png" for s in ("train", "test") for c in CLASSES[:2] for n in range(2)]
    return {name: picture() for name in names} | {"README.txt": b"pictures of animals\n"}


def tar(mode: str = "w:") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members().items():
            archive.writestr(name, data)
    return buffer.getvalue()


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


def idx(values: Any) -> bytes:
    array = np.asarray(values, np.uint8)
    header = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
    return header + array.tobytes()


def ingest(
    source: dict[str, Any],
    class_names: tuple[str, ...] | None = CLASSES,
    *,
    shape: tuple[int, ...] = SHAPE,
) -> None:
    """Finds and parses a source as an ingest does, without Spark."""
    dataset = DatasetConfig(name="fuzz", source=source, shape=shape, class_names=class_names)
    with tempfile.TemporaryDirectory() as scratch:
        source = source_of(dataset)
        work = source.shares(dataset, source.files(dataset), tasks=2, scratch=scratch)
        names = class_names or work.class_names
        for part in work.shares:
            for block in part.blocks():
                labels, pixels = block.records.labels, block.records.data
                assert pixels.shape == (len(labels), np.prod(shape))
                assert pixels.dtype == np.uint8
                assert ((labels >= 0) & (labels < len(names))).all()


def libsvm(suffix: str) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        path = folder / f"train{suffix}"
        path.write_bytes(data)
        ingest({"format": "libsvm", "train": str(path)})

    return run


def archive(
    suffix: str, class_names: tuple[str, ...] | None = CLASSES
) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        path = folder / f"pictures{suffix}"
        path.write_bytes(data)
        ingest({"format": "images", "path": str(path)}, class_names)

    return run


def idx_images(data: bytes, folder: Path) -> None:
    (folder / "images").write_bytes(data)
    (folder / "labels").write_bytes(idx([0, 1, 2, 1]))
    ingest(
        {"format": "idx", "train_images": f"{folder}/images", "train_labels": f"{folder}/labels"}
    )


def idx_labels(data: bytes, folder: Path) -> None:
    (folder / "images").write_bytes(idx(np.arange(48).reshape(4, 3, 4)))
    (folder / "labels").write_bytes(data)
    ingest(
        {"format": "idx", "train_images": f"{folder}/images", "train_labels": f"{folder}/labels"}
    )


def samples() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as archive:
        for number in range(3):
            for name, data in ((f"{number}.png", picture()), (f"{number}.cls", b"%d\n" % number)):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def npz(save: Callable[..., None] = np.savez) -> bytes:
    buffer = io.BytesIO()
    save(buffer, x_train=np.arange(36, dtype=np.uint8).reshape(3, 3, 4), y_train=np.arange(3))
    return buffer.getvalue()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(36, dtype=np.uint8).reshape(3, 3, 4))
    return buffer.getvalue()


def pixel_rows() -> bytes:
    rows = [",".join(map(str, [n % 3, *range(n, n + 12)])) for n in range(5)]
    return "\n".join([",".join(["label", *(f"pixel{n}" for n in range(12))]), *rows]).encode()


def as_train(format_: str, name: str, **changes: Any) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        (folder / name).write_bytes(data)
        ingest({"format": format_, "train": str(folder / name)}, **changes)

    return run


def inspected(name: str) -> Callable[[bytes, Path], None]:
    """`sparkgen inspect` of one file."""

    def run(data: bytes, folder: Path) -> None:
        (folder / name).write_bytes(data)
        inspect(str(folder / name), EnvironmentConfig(), name=None, file=None)

    return run


def path_list(name: str) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        for number in range(3):
            (folder / f"{number}.png").write_bytes(picture())
        (folder / name).write_bytes(data)
        ingest({"format": "list", "path": str(folder / name)}, class_names=None)

    return run


def cifar(data: bytes, folder: Path) -> None:
    (folder / "cifar.tar").write_bytes(data)
    ingest({"format": "cifar", "path": f"{folder}/cifar.tar"}, shape=(32, 32, 3), class_names=None)


def cifar_tar() -> bytes:
    buffer = io.BytesIO()
    files = {
        "data_batch_1.bin": bytes(2 * 3073),
        "batches.meta.txt": b" ".join(b"%d" % n for n in range(10)),
    }
    with tarfile.open(fileobj=buffer, mode="w:") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


PATHS = [f"{n}.png,{'train' if n else 'test'},{CLASSES[n]}" for n in range(3)]
PATH_LIST = "\n".join(["file_name,split,label", *PATHS]).encode()
PATH_LINES = b"\n".join(
    json.dumps({"file_name": f"{n}.png", "label": CLASSES[n]}).encode() for n in range(3)
)


def image(data: bytes, folder: Path) -> None:
    """A picture, by itself and as one of a block: both come to the same."""
    del folder
    for shape in (SHAPE, (9, 2, 3)):
        rule = ImageRule(shape, max_pixels=1_000_000)
        records = decode_pictures([Picture(0, 0, data)], rule, most=1, uri="fuzz")
        reasons = [bad.reason for bad in records.bad]
        try:
            pixels = decode_image(data, rule)
        except BadImage as error:
            if reasons != [error.reason]:
                raise AssertionError(f"{reasons} in a block, {error.reason} alone") from error
            continue
        assert pixels.shape == shape
        assert pixels.dtype == np.uint8
        assert records.data.tobytes() == pixels.tobytes()


# -- configuration ------------------------------------------------------------------------------


def conf_folder(folder: Path, **files: bytes) -> Path:
    """A folder `conf` of small files, with some of them replaced."""
    texts = {
        "datasets/digits": (CONF / "datasets" / "digits.yaml").read_bytes(),
        "environments/local": (CONF / "environments" / "local.yaml").read_bytes(),
        "experiments/vae_digits": (CONF / "experiments" / "vae_digits.yaml").read_bytes(),
    }
    for name, text in {**texts, **files}.items():
        path = folder / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return folder / "conf"


def configuration(name: str) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        conf = conf_folder(folder, **{name: data})
        if name.startswith("datasets"):
            load_dataset(conf / "datasets" / "digits.yaml")
        load_experiment(conf / "experiments" / "vae_digits.yaml")

    return run


def override(data: bytes, folder: Path) -> None:
    del folder
    text = data.decode("utf-8", "surrogateescape")
    load_experiment(CONF / "experiments" / "vae_digits.yaml", overrides=(text,))


# -- artifacts ----------------------------------------------------------------------------------


@cache
def checkpoint() -> bytes:
    arrays = {"model/0000": np.arange(12, dtype=np.float32), "best/0000": np.ones((2, 3))}
    return checkpoints.encode(arrays, {"state": {"epoch": 1, "steps": 7}})


def read_checkpoint(data: bytes, folder: Path) -> None:
    del folder
    try:
        found = checkpoints.decode(data)
    except ValueError:
        return
    whole = checkpoints.decode(checkpoint())
    assert found.facts == whole.facts
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)


@cache
def version() -> dict[str, bytes]:
    """The files of a small dataset version, by their paths in it."""
    with tempfile.TemporaryDirectory() as folder:
        write_version(Path(folder), train=24, validation=4)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def version_with(folder: Path, changed: str, data: bytes) -> Path:
    """The small version with one file changed, where its dataset's versions lie."""
    place = folder / "tiny" / str(json.loads(version()[MANIFEST])["version"])
    for name, whole in version().items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data if name == changed else whole)
    return place


def manifest(data: bytes, folder: Path) -> None:
    place = version_with(folder, MANIFEST, data)
    whole = read_manifest(str(version_with(folder / "whole", "", b"")))
    assert all(found == whole for found in list_versions(str(folder), "tiny"))
    read_manifest(str(place))


SHARD = "train/part-00000.parquet"


def shard(data: bytes, folder: Path) -> None:
    place = str(version_with(folder, SHARD, data))
    (file, *_) = read_manifest(place).split_files(place, "train")
    rows = list(batches_of(read_file(file, ImageRecord((4, 4, 1))), 2))
    assert data == version()[SHARD]
    assert sum(len(part.id) for part in rows) == file.entry.rows


MODEL = "reconstruction.linear_autoencoder"


@cache
def model() -> dict[str, bytes]:
    """The files of a small saved model, without the digests that newer releases add."""
    with tempfile.TemporaryDirectory() as folder:
        made = build_model(MODEL, {"latent": 2}, DataSpec(ImageRecord((2, 2, 1)), 2))
        save_model(folder, made, name=MODEL, options={"latent": 2})
        description = json.loads(Path(folder, MODEL_FILE).read_bytes())
        bare = {k: v for k, v in description.items() if not k.endswith("_sha256")}
        return {
            MODEL_FILE: json.dumps(bare).encode(),
            WEIGHTS_FILE: Path(folder, WEIGHTS_FILE).read_bytes(),
        }


def model_file(name: str) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        for file, whole in model().items():
            (folder / file).write_bytes(data if file == name else whole)
        load_model(folder)

    return run


def tensors(data: bytes, folder: Path) -> None:
    try:
        read_tensors(data)
    except ValueError as error:
        raise RequestError("tensors", found=str(error), mend="get the file again") from None


@cache
def journal() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        experiment = request(Path(folder))
        write_journal(experiment, Journal("run", "0123456789abcdef", identity(experiment)))
        return Path(checkpoint_uri(experiment, "run"), "run.json").read_bytes()


def request(root: Path) -> Any:
    return load_experiment(CONF / "experiments" / "vae_digits.yaml", root=str(root))


def run_journal(data: bytes, folder: Path) -> None:
    place = Path(checkpoint_uri(request(folder), "run"))
    place.mkdir(parents=True)
    (place / "run.json").write_bytes(data)
    found = unfinished(request(folder))
    assert (found.run_id, found.dataset_version) == ("run", "0123456789abcdef")


def sample_set() -> bytes:
    entry = {"path": "part-00000.parquet", "rows": 2, "bytes": 9, "sha256": "0" * 64}
    values = {
        "format_version": 1,
        "id": "0123456789abcdef",
        "model_uri": "models:/tiny/1",
        "model_digest": "0123456789abcdef",
        "shape": [2, 2, 1],
        "config": {"count": 2, "options": {"steps": 3}},
        "files": [entry],
    }
    return json.dumps(values).encode()


def sample_manifest(data: bytes, folder: Path) -> None:
    (folder / MANIFEST).write_bytes(data)
    read_sample_set(str(folder))


# -- the web ------------------------------------------------------------------------------------

TEXT = b"to be, or not to be"


def answers() -> list[bytes]:
    """Answers of a web server: whole, in chunks, and one to be read to its end."""
    length, chunk = (
        b"Content-Length: %d\r\n" % len(TEXT),
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(TEXT), TEXT),
    )
    heads = [length + b'ETag: "1"\r\n', b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"]
    bodies = [TEXT, chunk, TEXT]
    return [
        b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (head, body)
        for head, body in zip(heads, bodies, strict=True)
    ]


def web(data: bytes, folder: Path) -> None:
    with mock.patch.dict(os.environ, NO_PROXY="127.0.0.1"), running() as server:
        server.serve("/a.txt", raw(data))
        file = {"url": f"{server.url}/a.txt", "sha256": hashlib.sha256(TEXT).hexdigest()}
        dataset = DatasetConfig.model_validate(
            {
                "name": "fuzz",
                "source": {"format": "text", "train": f"{folder}/a.txt"},
                "download": {"files": [file]},
                "record": "tokens",
                "shape": [9],
            }
        )
        patience = Patience(silent_seconds=1, tries=2, pause_seconds=0)
        try:
            fetch_missing(dataset, source_of(dataset), data=str(folder), patience=patience)
        except SparkgenError:
            assert not (folder / "a.txt").exists()
            raise
    assert (folder / "a.txt").read_bytes() == TEXT


OVERRIDES = [
    "training.epochs=3",
    "dataset.labels=[1,5,6]",
    "environment.spark.spark.executor.memory=4g",
    "sampling={count: 10, seed: 3}",
    "model.options.latent=8",
    "training.optimizer.learning_rate=3e-3",
]
TENSORS = {"a": np.arange(24, dtype="<f4").reshape(2, 3, 4), "b": np.array(7, "<i8")}
TARGETS = {
    "libsvm": Target([libsvm_text()], libsvm(".txt")),
    "libsvm-gz": Target([gzip.compress(libsvm_text())], libsvm(".txt.gz")),
    "tar": Target([tar()], archive(".tar")),
    "tar-gz": Target([tar("w:gz")], archive(".tar.gz")),
    "tar-bz2": Target([tar("w:bz2")], archive(".tar.bz2")),
    "tar-xz": Target([tar("w:xz")], archive(".tar.xz")),
    "tar-zst": Target([zstd(tar())], archive(".tar.zst")),
    "zip": Target([zipped()], archive(".zip")),
    "classes": Target([tar()], archive(".tar", class_names=None)),
    "idx-images": Target([idx(np.arange(48).reshape(4, 3, 4))], idx_images),
    "idx-labels": Target([idx([0, 1, 2, 1])], idx_labels),
    "webdataset": Target([samples()], as_train("webdataset", "a.tar")),
    "csv": Target([pixel_rows()], as_train("csv", "a.csv")),
    "csv-gz": Target([gzip.compress(pixel_rows())], as_train("csv", "a.csv.gz", class_names=None)),
    "npz": Target([npz(), npz(np.savez_compressed)], as_train("numpy", "a.npz")),
    "npy": Target([npy()], as_train("numpy", "a.npy", class_names=None)),
    "list-csv": Target([PATH_LIST], path_list("list.csv")),
    "list-jsonl": Target([PATH_LINES], path_list("list.jsonl")),
    "cifar": Target([cifar_tar()], cifar),
    "image": Target(pictures(), image),
    "inspect-tar": Target([tar(), samples()], inspected("a.tar")),
    "inspect-text": Target([libsvm_text()], inspected("a.txt")),
    "inspect-npz": Target([npz()], inspected("a.npz")),
    "experiment": Target(
        [(CONF / "experiments" / "vae_digits.yaml").read_bytes()],
        configuration("experiments/vae_digits"),
    ),
    "dataset": Target(
        [(CONF / "datasets" / f"{n}.yaml").read_bytes() for n in ("digits", "fashion_mnist")],
        configuration("datasets/digits"),
    ),
    "environment": Target(
        [(CONF / "environments" / f"{n}.yaml").read_bytes() for n in ("local", "prod")],
        configuration("environments/local"),
    ),
    "override": Target([text.encode() for text in OVERRIDES], override),
    "checkpoint": Target([checkpoint()], read_checkpoint),
    "manifest": Target([version()[MANIFEST]], manifest),
    "shard": Target([version()[SHARD]], shard),
    "model": Target([model()[MODEL_FILE]], model_file(MODEL_FILE)),
    "weights": Target([model()[WEIGHTS_FILE]], model_file(WEIGHTS_FILE)),
    "tensors": Target([torch_file(TENSORS)], tensors),
    "journal": Target([journal()], run_journal),
    "web": Target(answers(), web),
    "sample-set": Target([sample_set()], sample_manifest),
}
