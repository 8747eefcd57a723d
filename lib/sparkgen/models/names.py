"""Lists the models there are, by their files."""

from pathlib import Path

from sparkgen.archive import module_names

PRETRAINED = "pretrained"
"""The family whose models only stand as parts."""


def model_names() -> list[str]:
    """Every model of sparkgen's own that an experiment can have, as `<family>.<name>`."""
    return [name for name in own_names() if not name.startswith(f"{PRETRAINED}.")]


def own_names() -> list[str]:
    """Every model of sparkgen's own, as `<family>.<name>`."""
    root = Path(__file__).parent
    families = module_names(root, packages=True)
    return [f"{family}.{name}" for family in families for name in module_names(root / family)]
