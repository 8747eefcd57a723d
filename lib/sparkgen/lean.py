"""In the program's own processes Keras is imported without two packages that it would import for nothing.

Where scikit-learn and Matplotlib are installed, as they are with MLflow, Keras imports both, for wrappers
and galleries that nothing here uses: half the time of `import keras`, and 85 MB of each process.
"""

import sys
from importlib.abc import MetaPathFinder
from typing import Any

UNUSED = ("matplotlib", "sklearn")


class _Withheld(MetaPathFinder):
    """Finds no module, and has Keras alone believe that `UNUSED` are not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in UNUSED and _importer().startswith("keras."):
            raise ModuleNotFoundError(f"{name} is withheld from Keras", name=name)


def _importer() -> str:
    """The name of the module whose import statement looks for another."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("importlib."):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))


def keep_keras_lean() -> None:
    """Withholds `UNUSED` from Keras, and from nothing else, as long as this process lives.

    It comes too late where Keras was imported before.
    """
    if not any(isinstance(finder, _Withheld) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Withheld())
