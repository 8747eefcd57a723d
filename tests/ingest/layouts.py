"""The same small pictures in every layout that people have them in."""

import bz2
import gzip
import io
import json
import lzma
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from archive_files import made, tar, zipped
from PIL import Image

SIDE = 8
LEVELS = 15  # so that other scales of values give the same pixels
CLASSES = ("ant", "bee", "cow", "dog")
NUMBERS = ("0", "1", "2", "3")
X = 17 * np.random.default_rng(5).integers(0, LEVELS + 1, (24, SIDE, SIDE)).astype(np.uint8)
Y = np.arange(24) % 4
TEST = np.arange(24) >= 16
SPLIT = {"train": 16, "test": 8}
ALL = {"train": 24}


class Layout(NamedTuple):
    """Where the pictures lie, the names of their classes, and the rows of the splits."""

    path: str
    names: tuple[str, ...] = CLASSES
    rows: dict[str, int] = SPLIT


def png(n: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(X[n]).save(data, "PNG")
    return data.getvalue()


def split_of(n: int) -> str:
    return "test" if TEST[n] else "train"


def files(pattern: str, **more: bytes) -> dict[str, bytes]:
    """All pictures at paths such as `{split}/{name}/{n}.png`."""
    found = {
        pattern.format(split=split_of(n), name=CLASSES[Y[n]], n=f"{n:02d}"): png(n)
        for n in range(24)
    }
    return found | more


def split_folders(path: Path) -> Layout:
    return Layout(made("folder", path / "a", files("{split}/{name}/{n}.png")))


def other_split_folders(path: Path) -> Layout:
    there = {
        name.replace("train/", "Training/").replace("test/", "Testing/"): data
        for name, data in files("{split}/{name}/{n}.png").items()
    }
    return Layout(made("folder", path / "a", there))


def validation_folder(path: Path) -> Layout:
    there = {n.replace("test/", "val/"): d for n, d in files("{split}/{name}/{n}.png").items()}
    return Layout(made("folder", path / "a", there))


def class_folders(path: Path) -> Layout:
    return Layout(made("folder", path / "My Pets 2", files("{name}/{n}.png")), rows=ALL)


def flat(path: Path) -> Layout:
    return Layout(made("folder", path / "a", files("{n}.png")), ("all",), ALL)


def without_endings(path: Path) -> Layout:
    return Layout(made("folder", path / "a", files("{name}/{n}")), rows=ALL)


def food_101(path: Path) -> Layout:
    """A list of the test split lies beside the folder of the pictures."""
    there = files("food/images/{name}/{n}.png")
    names = [f"{CLASSES[Y[n]]}/{n:02d}\n" for n in range(24) if TEST[n]]
    there["food/meta/test.txt"] = "".join(names).encode()
    (path / "food.tar.gz").write_bytes(gzip.compress(tar(there)))
    return Layout(f"{path}/food.tar.gz")


def flat_with_a_list(path: Path) -> Layout:
    there = files("{n}.png") | {
        "test_list.txt": "".join(f"{n:02d}.png\n" for n in range(24) if TEST[n]).encode()
    }
    return Layout(made("folder", path / "a", there), ("all",))


def nested(path: Path) -> Layout:
    kinds = {"ant": "insect", "bee": "insect", "cow": "mammal", "dog": "mammal"}
    there = {
        f"{kinds[name.partition('/')[0]]}/{name}": data
        for name, data in files("{name}/{n}.png").items()
    }
    names = tuple(f"{kinds[name]}/{name}" for name in CLASSES)
    return Layout(made("folder", path / "a", there), names, ALL)


def tiny_imagenet(path: Path) -> Layout:
    there = {f"train/{n}": d for n, d in files("{name}/images/{n}.png").items()}
    there |= {f"test/images/t{n}.png": png(n) for n in range(4)}
    there["wnids.txt"] = b"ant\nbee\n"
    return Layout(made("folder", path / "a", there), rows=ALL)


def split_tars(path: Path) -> Layout:
    for split in ("train", "test"):
        found = {n: data for n, data in files("{split}/{name}/{n}.png").items() if split in n}
        there = {name.partition("/")[2]: data for name, data in found.items()}
        (path / f"{split}.tar").write_bytes(tar(there))
    return Layout(str(path))


def class_named_training(path: Path) -> Layout:
    there = {n.replace("ant/", "Training/"): d for n, d in files("{name}/{n}.png").items()}
    return Layout(made("folder", path / "a", there), ("Training", *CLASSES[1:]), ALL)


def class_named_train(path: Path) -> Layout:
    there = {n.replace("dog/", "train/"): d for n, d in files("{name}/{n}.png").items()}
    return Layout(made("folder", path / "a", there), (*CLASSES[:3], "train"), ALL)


def tars(path: Path) -> Layout:
    found = list(files("{name}/{n}.png").items())
    for part in range(2):
        (path / f"part-{part}.tar").write_bytes(tar(dict(found[part::2])))
    return Layout(f"{path}/part-*.tar", rows=ALL)


def folder_of_tars(path: Path) -> Layout:
    tars(path)
    (path / "README.md").write_text("pictures")
    return Layout(str(path), rows=ALL)


def zip_file(path: Path) -> Layout:
    (path / "a.zip").write_bytes(zipped(files("set/{split}/{name}/{n}.png")))
    return Layout(f"{path}/a.zip")


def tar_xz(path: Path) -> Layout:
    (path / "A.TAR.XZ").write_bytes(lzma.compress(tar(files("{split}/{name}/{n}.png"))))
    return Layout(f"{path}/A.TAR.XZ")


def webdataset(path: Path) -> Layout:
    for split in ("train", "test"):
        there: dict[str, bytes] = {}
        for n in range(24):
            if split_of(n) == split:
                there |= {f"{n:02d}.png": png(n), f"{n:02d}.cls": CLASSES[Y[n]].encode()}
        (path / f"{split}-000.tar").write_bytes(tar(there))
    return Layout(str(path))


def webdataset_file(path: Path) -> Layout:
    there: dict[str, bytes] = {}
    for n in range(24):
        there |= {
            f"{n:02d}.png": png(n),
            f"{n:02d}.json": json.dumps({"label": int(Y[n])}).encode(),
        }
    (path / "pictures.tar").write_bytes(tar(there))
    return Layout(f"{path}/pictures.tar", NUMBERS, ALL)


def list_csv(path: Path) -> Layout:
    made("folder", path, files("pics/{n}.png"))
    rows = [f"pics/{n:02d}.png,{CLASSES[Y[n]]},{split_of(n)}\n" for n in range(24)]
    (path / "labels.csv").write_text("image,label,split\n" + "".join(rows))
    return Layout(str(path))


def folders_beside_a_list(path: Path) -> Layout:
    """A list that knows no classes; the folders do."""
    made("folder", path, files("{name}/{n}.png"))
    rows = [f"{CLASSES[Y[n]]}/{n:02d}.png,{n}\n" for n in range(24)]
    (path / "metadata.csv").write_text("file_name,width\n" + "".join(rows))
    return Layout(str(path), rows=ALL)


def kaggle_list(path: Path) -> Layout:
    """A list of names without endings, beside the folder of the pictures and another one."""
    made("folder", path, files("images/{n}.png") | {"more/x.txt": b"x"})
    rows = [f"{n:02d},{CLASSES[Y[n]]}\n" for n in range(24)]
    (path / "train.csv").write_text("id,target\n" + "".join(rows))
    return Layout(f"{path}/train.csv", rows=ALL)


def metadata(path: Path) -> Layout:
    made("folder", path, files("{split}/{n}.png"))
    for split in ("train", "test"):
        rows = [
            json.dumps({"file_name": f"{n:02d}.png", "label": CLASSES[Y[n]]})
            for n in range(24)
            if split_of(n) == split
        ]
        (path / split / "metadata.jsonl").write_text("\n".join(rows))
    return Layout(str(path))


def hugging_face(path: Path) -> Layout:
    """Parquet files as Hugging Face's `datasets` writes them."""
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(CLASSES), "_type": "ClassLabel"},
    }
    info = json.dumps({"info": {"features": features}})
    (path / "data").mkdir()
    for split in ("train", "test"):
        some = [n for n in range(24) if split_of(n) == split]
        images = [{"bytes": png(n), "path": f"{n}.png"} for n in some]
        table = pa.table({"image": images, "label": pa.array(Y[some], pa.int64())})
        table = table.replace_schema_metadata({"huggingface": info})
        pq.write_table(table, path / "data" / f"{split}-00000-of-00001.parquet")
    (path / "README.md").write_text("---\n")
    return Layout(str(path))


def parquet(path: Path) -> Layout:
    images = pa.array([png(n) for n in range(24)], pa.binary())
    table = pa.table({"picture": images, "class": [CLASSES[k] for k in Y]})
    pq.write_table(table, path / "pets.parquet", row_group_size=10)
    return Layout(f"{path}/pets.parquet", rows=ALL)


def npz(path: Path) -> Layout:
    names = np.array(CLASSES)[Y]
    np.savez_compressed(
        path / "a.npz", x_train=X[~TEST], y_train=names[~TEST], x_test=X[TEST], y_test=names[TEST]
    )
    return Layout(f"{path}/a.npz")


def npz_of_fractions(path: Path) -> Layout:
    np.savez(path / "a.npz", pictures=X[..., None].astype(np.float32) / 255, kinds=Y)
    return Layout(f"{path}/a.npz", NUMBERS, ALL)


def npy(path: Path) -> Layout:
    np.save(path / "X_train.npy", X.reshape(24, -1))
    np.save(path / "y_train.npy", Y)
    return Layout(str(path), NUMBERS, ALL)


def csv(path: Path) -> Layout:
    header = ",".join(["label", *(f"pixel{n}" for n in range(64))])
    for split in ("train", "test"):
        some = [n for n in range(24) if split_of(n) == split]
        rows = [",".join(map(str, [Y[n], *X[n].ravel()])) for n in some]
        (path / f"pixels_{split}.csv").write_text("\n".join([header, *rows, ""]))
    return Layout(f"{path}/pixels_train.csv", NUMBERS)


def csv_without_names(path: Path) -> Layout:
    rows = [",".join(map(str, [Y[n], *(X[n].ravel() // 17)])) for n in range(24)]
    (path / "pixels.csv.gz").write_bytes(gzip.compress("\n".join([*rows, ""]).encode()))
    return Layout(f"{path}/pixels.csv.gz", NUMBERS, ALL)


def lines(
    some: list[int], value: Callable[[int], str], *, labels: Sequence[int] = (0, 1, 2, 3), first: int = 1
) -> str:  # fmt: skip
    rows = []
    for n in some:
        pairs = [f"{i}:{value(int(v))}" for i, v in enumerate(X[n].ravel(), first)]
        rows.append(f"{labels[Y[n]]} {' '.join(p for p in pairs if p[-2:] != ':0')}\n")
    return "".join(rows)


def csv_parts(path: Path) -> Layout:
    """Several files of each split, whose names end alike."""
    for split in ("train", "test"):
        some = [n for n in range(24) if split_of(n) == split]
        for part in range(2):
            rows = [",".join(map(str, [Y[n], *X[n].ravel()])) for n in some[part::2]]
            (path / f"{'ab'[part]}_{split}.csv").write_text("\n".join([*rows, ""]))
    (path / "read.me").write_text("rows")
    return Layout(str(path), NUMBERS)


def libsvm(path: Path) -> Layout:
    for split in ("train", "test"):
        some = [n for n in range(24) if split_of(n) == split]
        (path / f"digits-{split}.txt").write_text(lines(some, str))
    return Layout(f"{path}/digits-train.txt", NUMBERS)


def libsvm_of_15(path: Path) -> Layout:
    (path / "a.svm").write_text(lines(list(range(24)), lambda v: str(v // 17), first=0))
    return Layout(f"{path}/a.svm", NUMBERS, ALL)


def libsvm_of_1(path: Path) -> Layout:
    text = lines(list(range(24)), lambda v: f"{v / 255:.6f}", labels=[1, 2, 3, 4])
    (path / "a.txt.bz2").write_bytes(bz2.compress(text.encode()))
    return Layout(f"{path}/a.txt.bz2", ("1", "2", "3", "4"), ALL)


def libsvm_from_minus_1(path: Path) -> Layout:
    text = lines(list(range(24)), lambda v: f"{v / 127.5 - 1:.6f}", labels=[-1, 1, 7, 9])
    (path / "a.txt").write_text(text)
    return Layout(f"{path}/a.txt", ("-1", "1", "7", "9"), ALL)


def idx(path: Path) -> Layout:
    for split, prefix in (("train", "train"), ("test", "t10k")):
        some = TEST if split == "test" else ~TEST
        images = struct.pack(">4B3I", 0, 0, 8, 3, some.sum(), SIDE, SIDE) + X[some].tobytes()
        labels = struct.pack(">4BI", 0, 0, 8, 1, some.sum()) + Y[some].astype(np.uint8).tobytes()
        (path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (path / f"{prefix}-labels-idx1-ubyte").write_bytes(labels)
    return Layout(str(path), NUMBERS)


LAYOUTS: dict[str, Callable[[Path], Layout]] = {
    layout.__name__: layout
    for layout in (
        split_folders, other_split_folders, validation_folder, class_folders, flat, without_endings,
        food_101, flat_with_a_list, nested, tiny_imagenet, class_named_training, class_named_train,
        split_tars, tars, folder_of_tars, zip_file, tar_xz, webdataset, webdataset_file,
        list_csv, folders_beside_a_list, kaggle_list, metadata, hugging_face, parquet, npz,
        npz_of_fractions, npy, csv,
        csv_without_names, csv_parts, libsvm, libsvm_of_15, libsvm_of_1, libsvm_from_minus_1, idx,
    )
}  # fmt: skip
