"""Parquet of PNG as Hugging Face stores it: ours, idx files, `datasets`, and pyarrow with Pillow.

python -m benchmarks.ingest_table [--data DIR] [--rounds N] [--quick]

60,000 pictures of 28 x 28 pixels: Fashion-MNIST where it is, else digits. Ours reads, decodes, checks,
shuffles, cuts and hashes; so it does with the idx files of the same pictures, which need no decoder. (a)
`datasets` as its guide has it, `map` in a process a core and `to_parquet`; it needs a newer pyarrow than
ours, so it has an environment and a process of its own, which gives its seconds without its imports. (b)
pyarrow and Pillow, one process. All write Parquet that holds every pixel.
"""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.data import synthetic_mnist
from benchmarks.harness import Side, arguments, compare, report
from benchmarks.session import local_spark, scratch_folder

CLASSES = [str(n) for n in range(10)]
REAL = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")

PEER = """
import sys, time
import numpy as np
from datasets import load_dataset

def pixels(rows):
    return {"pixels": [np.asarray(image).tobytes() for image in rows["image"]]}

if __name__ == "__main__":
    source, cache, target, processes = sys.argv[1:]
    start = time.perf_counter()
    rows = load_dataset("parquet", data_files=source, split="train", cache_dir=cache)
    made = rows.map(pixels, batched=True, num_proc=int(processes), remove_columns=["image"])
    made.to_parquet(target)
    print(time.perf_counter() - start)
"""


def main() -> None:
    """Runs the comparison."""
    options = arguments(__doc__)
    rows = 10_000 if options.quick else 60_000
    with scratch_folder() as scratch, local_spark(scratch) as spark:
        images, labels = fashion(Path(options.data) / "fashion-mnist", rows)
        write_idx(scratch / "idx", images, labels)
        table = write_table(scratch / "data" / "train-00000-of-00001.parquet", images, labels)
        idx = {"format": "idx", "train_images": f"{scratch}/idx/images.gz"}
        idx["train_labels"] = f"{scratch}/idx/labels.gz"
        sides = [
            Side(
                "sparkgen", lambda: ours(spark, {"format": "table", "train": str(table)}, scratch)
            ),
            Side("idx files of the same", lambda: ours(spark, idx, scratch)),
            *hugging_face(table, scratch),
            Side("(b) pyarrow + Pillow", lambda: one_process(table, scratch / "b.parquet")),
        ]
        compared = compare("Fashion-MNIST", sides, rows=rows, rounds=options.rounds)
        report("ingest table", compared)


def ours(spark: Any, source: dict[str, str], scratch: Path) -> None:
    """A dataset version with its manifest."""
    from sparkgen.config.dataset import DatasetConfig
    from sparkgen.ingest.ingest import ingest

    shutil.rmtree(scratch / "ours", ignore_errors=True)
    config = DatasetConfig.model_validate(
        {
            "name": "fashion",
            "source": source,
            "shape": [28, 28, 1],
            "class_names": CLASSES,
            "validation_fraction": 0.0,
        }
    )
    ingest(spark, config, datasets_uri=f"{scratch}/ours")


def hugging_face(table: Path, scratch: Path) -> list[Side]:
    """The side of `datasets`; none, with a line, where pip cannot make its environment."""
    python = scratch / "peer" / "bin" / "python"
    made = subprocess.run(
        f"'{sys.executable}' -m venv '{scratch}/peer' && "
        f"'{python}' -m pip install --quiet --disable-pip-version-check datasets pillow",
        shell=True,
    )
    if made.returncode:
        print("  no environment for datasets, so its side is left out", file=sys.stderr)
        return []
    script = scratch / "peer.py"
    script.write_text(PEER)
    cores = str(os.cpu_count())
    quiet = {**os.environ, "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}

    def run() -> float:
        shutil.rmtree(scratch / "cache", ignore_errors=True)
        paths = [str(path) for path in (table, scratch / "cache", scratch / "a.parquet")]
        done = subprocess.run(
            [python, script, *paths, cores],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            env=quiet,
        )
        return float(done.stdout.split()[-1])

    return [Side("(a) datasets", run)]


def one_process(table: Path, target: Path) -> None:
    """A loop over the cells, and one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    read = pq.read_table(table)
    cells = read["image"].combine_chunks().field("bytes").to_pylist()
    pixels = [np.asarray(Image.open(io.BytesIO(cell))).tobytes() for cell in cells]
    pq.write_table(pa.table({"label": read["label"], "image": pixels}), target)


def fashion(folder: Path, rows: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """Pictures uint8 (rows, 28, 28) and labels (rows,)."""
    if not folder.is_dir():
        return synthetic_mnist(rows)
    images, labels = (gzip.decompress((folder / name).read_bytes()) for name in REAL)
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return pixels[:rows], np.frombuffer(labels, np.uint8, offset=8)[:rows]


def write_idx(folder: Path, images: npt.NDArray[np.uint8], labels: npt.NDArray[Any]) -> None:
    """The pictures as MNIST ships."""
    folder.mkdir()
    for name, values in (("images", images), ("labels", labels.astype(np.uint8))):
        header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(header + values.tobytes(), 9))


def write_table(path: Path, images: npt.NDArray[np.uint8], labels: npt.NDArray[Any]) -> Path:
    """The pictures as Hugging Face stores them: PNG by Pillow, in row groups of 1,000."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    def encoded(image: npt.NDArray[np.uint8]) -> bytes:
        data = io.BytesIO()
        Image.fromarray(image).save(data, "PNG")
        return data.getvalue()

    cell = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = pa.array([{"bytes": encoded(image), "path": None} for image in images], cell)
    features = {"image": {"_type": "Image"}, "label": {"names": CLASSES, "_type": "ClassLabel"}}
    table = pa.table({"image": cells, "label": labels.astype(np.int64)})
    described = json.dumps({"info": {"features": features}}).encode()
    path.parent.mkdir()
    pq.write_table(table.replace_schema_metadata({b"huggingface": described}), path, 1000)
    return path


if __name__ == "__main__":
    main()
