"""What the sources of texts share."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from sparkgen.datasets.texts import as_texts
from sparkgen.errors import RequestError
from sparkgen.sampling.given._source import GivenSource, Wanted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Texts(GivenSource):
    """The values of the source: text i for sample i, or in turn."""

    texts: tuple[str, ...]
    in_turn: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        seen = hashlib.sha256()
        for text in self.texts:
            data = text.encode()
            seen.update(len(data).to_bytes(8, "little") + data)
        return {"texts": len(self.texts), "sha256": seen.hexdigest()}

    def values(self, ids: range) -> npt.NDArray[Any]:
        count = len(self.texts)
        if self.in_turn:
            return as_texts(self.texts[row_id % count] for row_id in ids)
        return as_texts(self.texts[row_id] for row_id in ids if row_id < count)


def open_texts(found: Sequence[str | None], wanted: Wanted) -> Texts:
    """The first of the texts that were found, as many as there are samples; what is none is left out.

    Raises:
        RequestError: fewer texts than samples.
    """
    texts = [text for text in found if text is not None]
    if missing := len(found) - len(texts):
        log.warning("%s: left out %d rows without a text", wanted.key, missing)
    if wanted.samples > len(texts):
        raise RequestError(
            f"{wanted.counted} up to the {len(texts)} texts of {wanted.key}",
            found=str(wanted.samples),
            mend="set it lower",
        )
    return Texts(tuple(texts[: wanted.samples]))
