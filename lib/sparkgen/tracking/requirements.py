"""Lists the packages that a sampler needs where it is loaded."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

# What loading a sampler imports, with the version installed here.
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy", "pandas", "pydantic", "pyarrow", "pillow")
OF_TEXTS = "tokenizers"
"""What it needs besides, where its model has a tokenizer."""
TENSORFLOW_BUILDS = ("tensorflow", "tensorflow-cpu", "tensorflow-intel")


def requirements_of(description: Mapping[str, Any]) -> list[str]:
    """What pip must install for a saved model, with the versions installed here.

    Args:
        description: of the model, as it was saved.
    """
    texts = [OF_TEXTS] if has_tokenizer(description) else []
    return [*requirements(*texts), *description.get("requirements", [])]


def requirements(*more: str) -> list[str]:
    """The packages that a process needs to load a sampler, with the versions installed here.

    Args:
        more: names of further ones.
    """
    pins = []
    for name in (*REQUIREMENTS, *more):
        for build in TENSORFLOW_BUILDS if name == "tensorflow" else (name,):
            try:
                pins.append(f"{name}=={importlib.metadata.version(build)}")
            except importlib.metadata.PackageNotFoundError:
                continue
            break
    return pins


def has_tokenizer(described: Any) -> bool:
    """Whether what a saved model takes or makes, or a part of that, has a tokenizer."""
    if isinstance(described, Mapping):
        return bool(described.get("tokenizer")) or any(map(has_tokenizer, described.values()))
    return isinstance(described, list) and any(map(has_tokenizer, described))
