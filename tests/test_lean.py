"""Keras in processes of the program: without packages that it alone wants, which others get as ever."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from sparkgen.tasks import run_each

COMMAND = """
import sys
from sparkgen.cli import main
main(["models", "variational.vae"])
import keras
print([name for name in ("matplotlib", "sklearn") if name in sys.modules])
import matplotlib.pyplot, sklearn.base
"""


def test_the_program_imports_keras_without_them_and_its_user_imports_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_executors_do_so_before_they_read_what_they_run(spark: Any) -> None:
    def finders() -> list[str]:
        return [type(finder).__module__ for finder in sys.meta_path]

    class Read:
        """Becomes, where it is unpickled, what `finders` gives there."""

        def __reduce__(self) -> Any:
            return finders, ()

    read = Read()

    def give(item: int) -> Iterator[Any]:
        yield read

    (found,) = run_each(spark, give, [0])
    assert found.count("sparkgen.lean") == 1
