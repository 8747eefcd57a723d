"""What a sampler needs where it is loaded."""

from typing import Any

import pytest

from sparkgen.tracking.requirements import requirements_of


@pytest.mark.parametrize(
    ("description", "needs"),
    [
        ({"spec": {"kind": "image"}}, False),
        ({"spec": {"kind": "tokens", "tokenizer": None}}, False),
        ({"spec": {"kind": "tokens", "tokenizer": "{}"}}, True),
        ({"spec": {}, "given": {"prompt": {"what": "text", "tokenizer": "{}"}}}, True),
        ({"spec": {}, "parts": [{"makes": {"tokenizer": "{}"}}]}, True),
    ],
)
def test_a_sampler_with_a_tokenizer_needs_the_library(
    description: dict[str, Any], needs: bool
) -> None:
    found = requirements_of({**description, "requirements": ["scipy>=1"]})
    assert any(name.startswith("tokenizers==") for name in found) == needs
    assert found[-1] == "scipy>=1"
