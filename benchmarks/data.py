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
    dump_svmlight_file(images.reshape(rows, -1), labels, text, zero_based=False)
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


def cifar10(data: str, scratch: Path) -> Path:
    """A tar of 5,000 32×32 JPEG files in class folders: CIFAR-10's, or coloured digits."""
    real = Path(data) / "cifar10-jpg-small.tar"
    if real.exists():
        return real
    target = scratch / "images.tar"
    if target.exists():
        return target
    images, labels = synthetic_mnist(5_000)
    tint = np.random.default_rng(1).uniform(0.3, 1.0, (5_000, 1, 1, 3))
    with tarfile.open(target, "w") as archive:
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            colour = (np.pad(image, 2)[..., None] * tint[i]).astype(np.uint8)
            encoded = io.BytesIO()
            Image.fromarray(colour).save(encoded, "JPEG", quality=90)
            member = tarfile.TarInfo(f"train/{label}/{i:05d}.jpg")
            member.size = encoded.tell()
            encoded.seek(0)
            archive.addfile(member, encoded)
    return target


def _scaled(image: npt.NDArray[np.float64]) -> Bytes:
    picture = Image.fromarray((image * 255 / 16).astype(np.uint8))
    return np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC))
