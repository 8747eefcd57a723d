"""Numbers that contradict the configuration are refused, doubtful ones told, sound ones let be."""

import re

import numpy as np
import pytest

from sparkgen.errors import RequestError
from sparkgen.ingest.libsvm.evidence import (
    Evidence,
    contradiction,
    description,
    doubts,
    refuse_black,
)
from sparkgen.ingest.libsvm.line import LineRule
from sparkgen.ingest.libsvm.seen import Seen
from sparkgen.ingest.reach import Reach
from sparkgen.ingest.sources import libsvm


def evidence(
    values: dict[str, list[float]],
    *,
    indices: tuple[int, int] = (1, 784),
    labels: tuple[int, int] = (0, 9),
    found: dict[str, Reach] | None = None,
    **source: object,
) -> Evidence:
    """Of pictures of 784 pixels and ten classes; `values` by split."""
    config = libsvm.Config.model_validate({"train": "rows.txt", **source})
    first = 0 if config.zero_based else 1
    rule = LineRule(784, 10, first, config.value_min, config.value_max)
    splits = {
        name: Seen.of(labels, indices if some else [], np.array(some), rule)
        for name, some in values.items()
    }
    return Evidence(rule, splits, found or {}, scale_is_stated="value_max" in source)


SOUND = {
    "mnist": evidence({"train": [1, 255], "test": [1, 255]}, indices=(13, 780)),
    "zero and 255 only": evidence({"train": [0, 255]}),
    "unit": evidence({"train": [0.003, 1.0]}, value_max=1.0),
    "binary": evidence({"train": [1, 1]}, value_max=1.0),
    "signed": evidence({"train": [-1.0, 0.9]}, value_min=-1.0, value_max=1.0),
    "digits": evidence({"train": [1, 16], "test": [1, 15]}, value_max=16.0),
    "zero-based": evidence({"train": [9, 200]}, indices=(12, 779), zero_based=True),
    "a stray index 0, and the last pixel in use": evidence(
        {"train": [1, 255]}, found={"index-zero": Reach(0, 0)}
    ),
}
BLACK = {
    "scaled to one": evidence({"train": [0.0, 0.5, 1.0]}),
    "a bad scale of one split": evidence({"train": [0, 255], "test": [0.25, 1.0]}),
    "scaled, value_max stated": evidence({"train": [0.5, 1.0]}, value_max=255.0),
    "binary under the default": evidence({"train": [1, 1]}),
    "signed fractions": evidence({"train": [-0.4, 0.4]}, value_min=-1000.0, value_max=1000.0),
}
DOUBTS = {
    "binary, value_max stated": (evidence({"train": [1]}, value_max=255.0), "source.value_max to 1"),
    "sixteen levels": (evidence({"train": [1, 16]}), "source.value_max to 16"),
    "never below 0": (
        evidence({"train": [0.0, 1.0]}, value_min=-1.0, value_max=1.0),
        "dark or pale; if that is not meant, set source.value_min to 0 and source.value_max to 1",
    ),
    "a black test split": (evidence({"train": [255], "test": []}), "no record of the test split"),
    "zeros only": (evidence({"train": [0, 0]}), "no record of the train split has a value but 0"),
    "a dark test split": (evidence({"train": [255], "test": [1]}), "values of the test split"),
    "clipped": (evidence({"train": [0.0, 1.0000001]}, value_max=1.0), "1 values lie outside"),
    "index 0 of one-based": (
        evidence({"train": [255]}, indices=(1, 783), found={"index-zero": Reach(0, 0)}),
        "set source.zero_based to true",
    ),
    "index 784 of zero-based": (
        evidence({"train": [255]}, indices=(1, 783), found={"beyond-width": Reach(784, 784)},
                 zero_based=True),
        "set source.zero_based to false",
    ),
    "labels from 1": (
        evidence({"train": [255]}, labels=(1, 9), found={"unknown-label": Reach(10, 10)}),
        "label 10 occurs and label 0 does not",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_sound_sources_pass_without_a_word(name: str) -> None:
    refuse_black(SOUND[name])
    assert doubts(SOUND[name]) == []


@pytest.mark.parametrize("name", BLACK)
def test_a_scale_that_makes_pictures_black_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match=r"every picture black: set source\.value_m"):
        refuse_black(BLACK[name])


@pytest.mark.parametrize("name", DOUBTS)
def test_what_may_be_meant_so_is_told_and_passes(name: str) -> None:
    doubtful, says = DOUBTS[name]
    refuse_black(doubtful)
    (line,) = doubts(doubtful)
    assert says in line


@pytest.mark.parametrize(
    ("reason", "reach", "config", "says"),
    [
        (
            "beyond-width",
            (785, 790),
            {},
            "shape of 790 values or more.*correct the dataset's shape",
        ),
        ("beyond-width", (784, 784), {"zero_based": True}, "set source.zero_based to false"),
        (
            "index-zero",
            (0, 0),
            {},
            "found index 0 in 7 of 9 records: set source.zero_based to true",
        ),
        ("value-out-of-range", (2, 255), {"value_max": 1.0}, "found 0 to 255.*value_max to 255"),
        ("value-out-of-range", (-1, -0.1), {}, "value_min to -1 and source.value_max to 1"),
        (
            "unknown-label",
            (10, 10),
            {},
            "labels from 0 to 9.*found 1 to 10, unknown.*as source.label_values",
        ),
    ],
)
def test_what_makes_most_records_bad_names_its_mend(
    reason: str, reach: tuple[float, float], config: dict[str, object], says: str
) -> None:
    seen = evidence({"train": [0, 1]}, labels=(1, 9), found={reason: Reach(*reach)}, **config)
    refusal = contradiction(seen, reason, count="7 of 9 records", where="they are in Q")
    assert refusal is not None
    assert str(refusal).endswith("; they are in Q")
    assert re.search(says, str(refusal))


def test_damaged_lines_are_no_fault_of_the_request() -> None:
    seen = evidence({"train": [255]})
    assert contradiction(seen, "unparsable-number", count="9 of 9", where="") is None


def test_what_was_seen_is_told_in_one_line() -> None:
    assert description(SOUND["mnist"]) == (
        "values seen: 1 to 255 of 0 to 255; indices seen: 13 to 780 of 1 to 784 "
        "(zero_based: false); labels seen: 0 to 9 of 0 to 9"
    )
