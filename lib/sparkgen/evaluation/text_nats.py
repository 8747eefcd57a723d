"""Names and computes the figures of a text: what it costs a model for each token, character and byte."""

import math
from typing import TYPE_CHECKING

from sparkgen.datasets.manifest import Manifest
from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure
from sparkgen.models.declared import EXACT

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel

FIGURES_OF_TEXT = (
    "nats_per_token",
    "nats_per_character",
    "nats_per_byte",
    "perplexity",
    "bits_per_byte",
)
"""What an evaluation makes of the likelihood of a text."""
STRIDED = "strided_"
"""Before the names of the same figures by strided windows."""


def text_names(model: "GenerativeModel", *, stride: int | None) -> set[str]:
    """The names of the figures of texts that an evaluation computes; none of models of other records."""
    if model.makes.kind != "text":
        return set()
    prefixes = ("",) if stride is None else ("", STRIDED)
    return {f"{prefix}{name}" for prefix in prefixes for name in FIGURES_OF_TEXT}


def check_stride(model: "GenerativeModel", stride: int | None) -> None:
    """Refuses a stride for a model of something else, and one that is longer than what a block predicts.

    Raises:
        RequestError: which names `evaluation.stride`.
    """
    if stride is None:
        return
    if model.makes.kind != "text" or EXACT not in model.likelihoods(samples=1):
        raise RequestError(
            "no evaluation.stride for a model that is no language model",
            found=str(stride),
            mend="remove it",
        )
    if stride > (most := model.spec.shape[0] - 1):
        raise RequestError(
            f"evaluation.stride up to {most}, the tokens that a record predicts",
            found=str(stride),
            mend="set it lower",
        )


def of_text(nats: float, figure: Figure, manifest: Manifest, prefix: str = "") -> dict[str, Figure]:
    """The nats of a whole split of text for each token, character and byte, which tokenizers share."""
    counts = manifest.texts.get(figure.split, {})
    found: dict[str, Figure] = {}
    for what in ("token", "character", "byte"):
        if not (count := counts.get(f"{what}s", 0)):
            continue
        how = f"-log p of the split's {count} {what}s, {figure.protocol}"
        one = figure._replace(value=nats / count, standard_error=None, protocol=how)
        found[f"{prefix}nats_per_{what}"] = one
        if what == "token":
            likely = one._replace(value=math.exp(one.value), protocol=f"e^ {how}")
            found[f"{prefix}perplexity"] = likely
        if what == "byte":
            found[f"{prefix}bits_per_byte"] = one._replace(
                value=one.value / math.log(2), protocol=how.replace("in nats", "in bits")
            )
    return found
