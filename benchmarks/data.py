"""What the benchmarks read: real MNIST and CIFAR-10 where they are, else data of the same size."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import dump_svmlight_file, load_digits

Bytes = npt.NDArray[np.uint8]


def mnist(data: str, scratch: Path, *, rows: int = 60_000) -> Path:
    """A libsvm file of `rows` 28×28 images: MNIST's first ones, or digits scaled up and moved."""
    real = Path(data) / "mnist-digits-train.txt.gz"
    if real.exists() and rows == 60_000:
        return real
    target = scratch / f"mnist-{rows}.txt.gz"
    if target.exists():
        return target
    if real.exists():
        with gzip.open(real, "rt") as source:
            lines = [next(source) for _ in range(min(rows, 60_000))]
        with gzip.open(target, "wt", compresslevel=6) as file:
            file.writelines(lines)
        return target
    images, labels = synthetic_mnist(rows)
    text = io.BytesIO()
    pixels = images.reshape(rows, -1).astype(np.int64)  # of the types that scikit-learn writes
    dump_svmlight_file(pixels, labels, text, zero_based=False)
    with gzip.open(target, "wb", compresslevel=6) as file:
        file.write(text.getvalue())
    return target


def synthetic_mnist(rows: int) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """scikit-learn's digits at 20×20 inside 28×28, moved by up to 4 pixels: uint8 (rows, 28, 28)."""
    digits = load_digits()
    large = np.stack([_scaled(image) for image in digits.images])
    random = np.random.default_rng(0)
    which = random.integers(0, len(large), rows)
    images = np.zeros((rows, 28, 28), np.uint8)
    for i, (top, left) in enumerate(random.integers(0, 9, (rows, 2))):
        images[i, top : top + 20, left : left + 20] = large[which[i]]
    return images, digits.target[which]


def mnist_test(data: str, scratch: Path, *, rows: int = 10_000) -> Path:
    """A libsvm file of `rows` rows to evaluate on: MNIST's test split, or a part of `mnist`."""
    real = Path(data) / "mnist-digits-test.txt.gz"
    if real.exists() and rows == 10_000:
        return real
    return mnist(data, scratch, rows=rows)


def repeated(source: Path, scratch: Path, *, times: int) -> Path:
    """A file that holds the rows of a .gz file several times; an ingest gives them new ids."""
    if times == 1:
        return source
    target = scratch / f"{times}-times-{source.name}"
    with target.open("wb") as file:
        for _ in range(times):
            file.write(source.read_bytes())  # members of a .gz follow each other
    return target


def cifar10(data: str, scratch: Path, *, images: int = 5_000) -> Path:
    """A tar of 32×32 JPEG files in class folders: CIFAR-10's, some or repeated, or coloured digits."""
    real = Path(data) / "cifar10-jpg-small.tar"
    if real.exists() and images == 5_000:
        return real
    target = scratch / f"images-{images}.tar"
    with tarfile.open(target, "w") as archive:
        for i, (label, encoded) in enumerate(_real(real, images) or _coloured(images)):
            member = tarfile.TarInfo(f"train/{label}/{i:05d}.jpg")
            member.size = len(encoded)
            archive.addfile(member, io.BytesIO(encoded))
    return target


def unpacked(archive: Path, folder: Path) -> list[bytes]:
    """Lays the training images of a tar out as files, and gives their bytes."""
    with tarfile.open(archive) as tar:
        members = [m for m in tar if m.isfile() and "train" in m.name.split("/")]
        tar.extractall(folder, members, filter="data")
        return [(folder / m.name).read_bytes() for m in members]


def _real(archive: Path, images: int) -> list[tuple[str, bytes]]:
    if not archive.exists():
        return []
    with tarfile.open(archive) as tar:
        found = [m for m in tar if m.isfile() and "train" in m.name.split("/")]
        chosen = [found[i * max(len(found) // images, 1) % len(found)] for i in range(images)]
        contents = [tar.extractfile(member) for member in chosen]
        return [
            (member.name.split("/")[-2], content.read())
            for member, content in zip(chosen, contents, strict=True)
            if content is not None
        ]


def _coloured(images: int) -> list[tuple[str, bytes]]:
    pixels, labels = synthetic_mnist(images)
    tint = np.random.default_rng(1).uniform(0.3, 1.0, (images, 1, 1, 3))
    found = []
    for i, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        colour = (np.pad(image, 2)[..., None] * tint[i]).astype(np.uint8)
        encoded = io.BytesIO()
        Image.fromarray(colour).save(encoded, "JPEG", quality=90)
        found.append((str(label), encoded.getvalue()))
    return found


def _scaled(image: npt.NDArray[np.float64]) -> Bytes:
    picture = Image.fromarray((image * 255 / 16).astype(np.uint8))
    return np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC))
