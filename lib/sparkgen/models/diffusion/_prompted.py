"""What images are asked to be, and figures of samples that were made by a prompt."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sparkgen.datasets.captions import encode_captions
from sparkgen.datasets.records import DataSpec
from sparkgen.datasets.strokes import NAMES, measure
from sparkgen.layers.prompts import Prompt
from sparkgen.models.contract import Tensor

UNKNOWN_WORDS = "unknown_words"


class Wish(NamedTuple):
    """What B images are to be."""

    label: Tensor | None = None
    """int32 (B,)."""
    prompt: Prompt | None = None


NO_WISH = Wish()


def figure_names(spec: DataSpec) -> tuple[str, ...]:
    """The names of the figures: of grey pictures also how thick, slanted and large their strokes are."""
    return (UNKNOWN_WORDS, *NAMES) if spec.shape[-1] == 1 else (UNKNOWN_WORDS,)


def prompt_figures(made: Tensor, prompts: Sequence[str], spec: DataSpec) -> dict[str, Tensor]:
    """The figures of samples, (B,) each.

    Args:
        made: (B, H, W, C), range [0, 1].
        prompts: B of them.
        spec: the data that the model is for.
    """
    caption = spec.record.caption
    unknown = [sum(words.values()) for words in encode_captions(prompts, caption).unknown]
    figures: dict[str, Tensor] = {UNKNOWN_WORDS: np.array(unknown, np.float64)}
    if spec.shape[-1] == 1:
        figures |= measure(spec.record.to_stored(np.asarray(made)))._asdict()
    return figures
