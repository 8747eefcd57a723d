"""Runs `sparkgen inspect`: it looks at a path and writes the dataset file that ingests it."""

from pathlib import Path
from typing import Any, NamedTuple

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.datasets.storage import absolute, write_bytes
from sparkgen.errors import RequestError
from sparkgen.ingest.dataset_file import Key, dataset_text, name_of


class Written(NamedTuple):
    """What was found, in lines, the text of the dataset file, and what the command prints at last."""

    lines: list[str]
    text: str
    result: dict[str, Any]


def run(
    path: str, environment: EnvironmentConfig, *, name: str | None, file: str | None
) -> Written:
    """Looks at a path, and writes the dataset file.

    Args:
        path: what is looked at.
        environment: says what `{data}` stands for, and how Spark is started where only Spark reads it.
        name: of the data set; None: the stem of the file's name, or the last part of the path.
        file: the dataset file; None: nothing is written.

    Raises:
        RequestError: nothing that any format reads; a file that is there with another content.
    """
    from sparkgen.ingest.inspection import inspect
    from sparkgen.pipeline.session import spark_session

    if not path:  # which would be the working directory
        raise RequestError("a path", found="an empty one", mend="give . for the working directory")
    if path.startswith("{data}"):
        path = environment.data + path.removeprefix("{data}")
    path = path.rstrip("/") or path
    if path != path.encode(errors="replace").decode():
        raise RequestError("a path in UTF-8", found=ascii(path), mend="rename the file")
    name = name if name is not None else name_of(file or path)
    found = inspect(path, name, start_spark=lambda: spark_session(environment))
    text = dataset_text([_below_data(key, path, environment.data) for key in found.keys])
    if file is not None:
        _write(file, text)
    result = {
        "dataset": name,
        "file": file,
        "format": found.format,
        "rows": found.survey.rows,
        "classes": len(found.survey.class_names),
    }
    lines = [*found.lines, f"next: sparkgen ingest {file}"] if file is not None else found.lines
    return Written(lines, text, result)


def _below_data(key: Key, path: str, data: str) -> Key:
    """A key whose paths begin with `{data}` where they lie below the folder of the source files.

    Args:
        key: of the dataset file.
        path: that was looked at; other texts in the source are no paths.
        data: the folder of the source files.
    """
    folder, root = path.rpartition("/")[0] + "/", absolute(data).rstrip("/") + "/"

    def placed(value: Any) -> Any:
        below = isinstance(value, str) and (value == path or value.startswith(folder))
        if not below or not absolute(value).startswith(root):
            return value
        return f"{{data}}/{absolute(value).removeprefix(root)}"

    if not isinstance(key.value, dict):
        return key
    return key._replace(value={name: placed(value) for name, value in key.value.items()})


def _write(file: str, text: str) -> None:
    """Writes a dataset file whole, or not at all.

    Raises:
        RequestError: another content is there, or the file cannot be written.
    """
    path = Path(file)
    try:
        if path.exists() and path.read_bytes() != text.encode():
            raise RequestError(
                f"no file at {file}, or the same one",
                found="one with another content",
                mend="remove it, or give another name to --write",
            )
        write_bytes(str(path), text.encode())
    except OSError as error:
        raise RequestError(
            f"a place for the dataset file at {file}",
            found=error.strerror or str(error),
            mend="give another to --write",
        ) from None
