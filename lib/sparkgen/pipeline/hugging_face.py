"""Fetches networks of text that others trained: from Hugging Face's hub, or from a folder.

Of a folder are read `config.json`, `tokenizer.json`, and the tensors: `model.safetensors`, or the files
that `model.safetensors.index.json` names.
"""

import hashlib
import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sparkgen.datasets.disks import on_disk
from sparkgen.errors import RequestError

CONFIG, TOKENIZER, TENSORS = "config.json", "tokenizer.json", "model.safetensors"
INDEX = "model.safetensors.index.json"
PATTERNS = (CONFIG, TOKENIZER, "model*.safetensors", INDEX)
PART = 1 << 24


def download(name: str, revision: str, key: str) -> str:
    """The folder with a network of the hub, fetched unless it is at hand.

    Args:
        name: as `HuggingFaceTB/SmolLM2-135M`.
        revision: the commit, 40 hex digits.
        key: the key of the request that names it.

    Raises:
        RequestError: it cannot be fetched.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise RequestError(
            f"the package huggingface_hub to fetch {name} as {key}",
            found="none installed",
            mend="pip install huggingface_hub, or name a folder: folder:PATH",
        ) from None
    try:
        return str(
            huggingface_hub.snapshot_download(
                name, revision=revision, allow_patterns=list(PATTERNS)
            )
        )
    except Exception as error:  # the library and what it stands on raise of every kind
        raise RequestError(
            f"{name} of Hugging Face's hub at {revision} as {key}",
            found=f"{type(error).__name__} {' '.join(str(error).split())[:200]}",
            mend="correct name and revision, or download it elsewhere and name the folder: folder:PATH",
        ) from None


def files_of(folder: str, key: str) -> list[Path]:
    """The files of a network: its configuration, its tokenizer, and those with tensors.

    Raises:
        RequestError: one is missing.
    """
    root = Path(folder)
    names = [CONFIG, TOKENIZER, TENSORS]
    if not (root / TENSORS).is_file() and (root / INDEX).is_file():
        try:
            shards = json.loads((root / INDEX).read_bytes())["weight_map"].values()
            names = [CONFIG, TOKENIZER, INDEX, *sorted({Path(one).name for one in shards})]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RequestError(
                f"the names of files in {root / INDEX} for {key}",
                found=f"{type(error).__name__}: {error}",
                mend="get the file again",
            ) from None
    for name in names:
        if not (root / name).is_file():
            raise RequestError(
                f"{', '.join(names)} in {folder} as {key}",
                found=f"no {name}",
                mend="correct the path, or get the file",
            )
    return [root / name for name in names]


def digest_of(files: list[Path]) -> str:
    """The SHA-256 of the list of names and SHA-256 of files, as `sha256sum` writes it."""
    lines = []
    for file in files:
        with file.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file.name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def save_network(folder: str, source: str, key: str) -> None:
    """Saves a network of text with its weights as a model.

    Args:
        folder: of the model.
        source: the folder that it is read from.
        key: the key of the request that names the network.

    Raises:
        RequestError: it is none that sparkgen has, or damaged.
    """
    from sparkgen.datasets.tokenizer import Tokenizer
    from sparkgen.models.discovery import build_model
    from sparkgen.models.pretrained._hugging_face import fill, imported
    from sparkgen.models.saving import save_model

    files = files_of(source, key)
    try:
        config = json.loads(files[0].read_bytes())
        tokenizer = Tokenizer(files[1].read_text(encoding="utf-8"))
        tensors: dict[str, Any] = {}
        for file in files[2:]:
            if file.name != INDEX:
                tensors |= dict(_tensors(file))
        found = imported(config, tokenizer, tensors)
        model: Any = build_model(found.name, found.options, found.spec)
        fill(model, found.weights)
    except (AttributeError, TypeError, ValueError) as error:
        raise RequestError(
            f"a network that is known here in {source} as {key}",
            found=" ".join(str(error).split())[:300],
            mend="name another network, or get its files again",
        ) from None
    save_model(folder, model, name=found.name, options=found.options)


def _tensors(file: Path) -> Iterator[tuple[str, Any]]:
    from sparkgen.models.pretrained._safetensors import read_tensors

    if not on_disk(str(file)):
        yield from read_tensors(file.read_bytes()).items()
        return
    with (
        file.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        yield from read_tensors(view).items()
