"""CIFAR-10's JPEG files to Parquet: ours, Spark's `binaryFile` with Pillow, and the decoder alone.

python -m benchmarks.ingest_images [--data DIR] [--rounds N] [--quick]

5,000 files, and 40,000 without (a). Ours reads the tar, decodes, checks, shuffles, cuts and hashes.
(a) reads loose files, unpacked before the clock, by `binaryFile`, and decodes them in a Python UDF, a
row at a time, as the guides have it; both write Parquet that holds every pixel. The limit is our
decoder alone over the files' bytes in memory, a process a core, nothing written.
"""

import shutil
from pathlib import Path
from typing import Any

from benchmarks.data import cifar10, unpacked
from benchmarks.harness import Comparison, Side, arguments, compare, report
from benchmarks.processes import process_a_core
from benchmarks.session import local_spark, scratch_folder

SHAPE = (32, 32, 3)
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TIMES = 8  # as many images in the second case, so that what every job costs shows less
SHARE = 50  # images that a process decodes before it asks for more


def main() -> None:
    """Runs the comparison."""
    options = arguments(__doc__)
    count = 1_000 if options.quick else 5_000
    with scratch_folder() as scratch, local_spark(scratch) as spark:
        once = compared(spark, options, scratch / "once", count, "CIFAR-10")
        case = f"CIFAR-10, {TIMES} times"
        report(
            "ingest images", once, compared(spark, options, scratch / "more", count * TIMES, case)
        )


def compared(spark: Any, options: Any, scratch: Path, count: int, case: str) -> Comparison:
    """All sides on `count` images, (a) only where they are few."""
    scratch.mkdir()
    archive = cifar10(options.data, scratch, images=count)
    files = unpacked(archive, scratch / "files")
    shares = range(0, len(files), SHARE)
    guide = Side(
        "(a) binaryFile + Pillow UDF",
        lambda: binary_files(spark, scratch / "files", scratch / "a"),
    )
    with process_a_core(list, files) as pool:
        sides = [
            Side("sparkgen", lambda: ours(spark, archive, scratch / "ours")),
            *([guide] if count <= 5_000 else []),
            Side("limit: decoder, a process a core", lambda: drop(pool.work(decode, shares))),
        ]
        return compare(case, sides, rows=len(files), rounds=options.rounds)


def ours(spark: Any, archive: Path, target: Path) -> None:
    """A dataset version with its manifest."""
    from sparkgen.config.dataset import DatasetConfig
    from sparkgen.ingest.ingest import ingest

    shutil.rmtree(target, ignore_errors=True)
    config = DatasetConfig.model_validate(
        {
            "name": "cifar10",
            "source": {"format": "images", "path": str(archive), "test": None},
            "shape": list(SHAPE),
            "class_names": CLASSES,
            "validation_fraction": 0.0,
        }
    )
    ingest(spark, config, datasets_uri=str(target))


def binary_files(spark: Any, folder: Path, target: Path) -> None:
    """Spark's source for files of bytes, and a function that Spark calls for every one of them."""
    from pyspark.sql.functions import element_at, split, udf

    shutil.rmtree(target, ignore_errors=True)
    height, width, _ = SHAPE

    def pixels(content: bytes) -> bytes:
        from io import BytesIO

        from PIL import Image

        with Image.open(BytesIO(content)) as image:
            return image.convert("RGB").resize((width, height)).tobytes()

    read = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    files = read.option("pathGlobFilter", "*.jpg").load(str(folder))
    label = element_at(split(files["path"], "/"), -2).alias("label")
    files.select(label, udf(pixels, "binary")(files["content"]).alias("image")).write.parquet(
        str(target)
    )


def decode(files: list[bytes], first: int) -> None:
    """Decodes a share of the files."""
    from sparkgen.ingest.images.decode import ImageRule, decode_image

    rule = ImageRule(SHAPE)
    for data in files[first : first + SHARE]:
        decode_image(data, rule)


def drop(results: list[Any]) -> None:
    """Nothing: the clock is the harness's."""


if __name__ == "__main__":
    main()
