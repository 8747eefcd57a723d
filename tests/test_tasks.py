"""Tasks on real executors: what comes back, in what order, and what becomes of errors."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkgen.errors import IngestError, ManifestError, RequestError, TaskFailed
from sparkgen.tasks import run_each


def test_results_come_in_the_order_of_the_items(spark: Any) -> None:
    def twice(item: int) -> Iterator[int]:
        yield item
        yield -item

    for tasks in (1, 3, None):
        assert run_each(spark, twice, [3, 1, 2], tasks=tasks) == [3, -3, 1, -1, 2, -2]
    assert run_each(spark, twice, []) == []


def test_an_error_of_ours_arrives_as_itself_after_one_try(spark: Any, tmp_path: Path) -> None:
    def refuse(item: int) -> Iterator[int]:
        with (tmp_path / "tries").open("a") as file:
            file.write("x")
        raise ManifestError("12 bytes in a.parquet", found="no such file", mend=f"mend {item}")
        yield item

    with pytest.raises(ManifestError) as caught:
        run_each(spark, refuse, [7])
    error = caught.value
    assert (error.expected, error.found, error.mend, error.exit_status) == (
        "12 bytes in a.parquet", "no such file", "mend 7", 2
    )  # fmt: skip
    assert (tmp_path / "tries").read_text() == "x"


def test_an_error_stops_the_other_tasks(spark: Any, tmp_path: Path) -> None:
    def work(item: int) -> Iterator[int]:
        if item == 0:
            raise IngestError("a.tar cannot be read")
        time.sleep(0.5)
        (tmp_path / str(item)).touch()
        yield item

    with pytest.raises(IngestError, match=r"^a\.tar cannot be read$"):
        run_each(spark, work, range(60))
    assert len(list(tmp_path.iterdir())) < 30


def test_any_other_error_is_a_task_that_failed(spark: Any) -> None:
    def divide(item: int) -> Iterator[float]:
        yield 1 / item

    with pytest.raises(TaskFailed, match=r"^ZeroDivisionError: division by zero$"):
        run_each(spark, divide, [1, 0])


def test_a_module_that_executors_lack_is_named_with_what_to_do(spark: Any) -> None:
    def look(item: int) -> Iterator[int]:
        import no_such_package_anywhere

        yield no_such_package_anywhere.number

    with pytest.raises(RequestError, match="found no module no_such_package_anywhere: install it"):
        run_each(spark, look, [1])


def test_what_lets_the_driver_into_storage_goes_with_each_task(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark was started before, so its executors cannot have inherited it; they forget it again."""

    def account(_: int) -> Iterator[str | None]:
        yield os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")

    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "ours")
    assert run_each(spark, account, [1, 2]) == ["ours", "ours"]
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    assert run_each(spark, account, [1, 2]) == [None, None]
