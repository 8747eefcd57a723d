"""Lists the models there are, by their files."""

from pathlib import Path

PRETRAINED = "pretrained"
"""The family whose models only stand as parts."""


def model_names() -> list[str]:
    """Every model of sparkgen's own that an experiment can have, as `<family>.<name>`."""
    return [name for name in own_names() if not name.startswith(f"{PRETRAINED}.")]


def own_names() -> list[str]:
    """Every model of sparkgen's own, as `<family>.<name>`."""
    root = Path(__file__).parent
    files = root.glob("*/*.py")
    return sorted(f"{f.parent.name}.{f.stem}" for f in files if not f.stem.startswith("_"))
