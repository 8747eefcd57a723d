"""Makes saved models in a process apart, which leaves the devices of this machine free for workers."""

import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from sparkgen.errors import RequestError
from sparkgen.lean import keep_keras_lean
from sparkgen.models.portable import PortableModel, pack


def saved_apart(save: Callable[..., None], *arguments: Any, called: str, key: str) -> PortableModel:
    """The model that `save(folder, *arguments)` saves, made in a process of its own.

    Args:
        save: a function of a module.
        arguments: of it, after the folder.
        called: the network's name in errors.
        key: the key of the request that names it.

    Raises:
        RequestError: as `save`, or the process died.
    """
    with (
        tempfile.TemporaryDirectory(prefix="sparkgen-network-") as folder,
        ProcessPoolExecutor(1, get_context("spawn"), _begin) as pool,
    ):
        try:
            pool.submit(save, f"{folder}/model", *arguments).result()
        except BrokenProcessPool:
            raise RequestError(
                f"{called} to be read as {key}",
                found="a process that died",
                mend="free some memory, or name a smaller network",
            ) from None
        return pack(f"{folder}/model", called=called)


def _begin() -> None:
    keep_keras_lean()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    # Keras says there what it fetches; the last line of stdout is a step's result.
    sys.stdout = sys.stderr
