"""The values that sources write for classes: names, numbers from 0, numbers that plainly mean them."""

import logging
from collections import Counter

import pytest

from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import UNKNOWN, as_value, find_classes, in_order, tell_unused

TEN = tuple("abcdefghij")


def classes(values: list, stated: tuple[str, ...] | None) -> tuple[tuple[str, ...], list[int]]:
    texts = [as_value(value) for value in values]
    found = find_classes(Counter(texts), stated, where="labels")
    return found.names, [found.label(text) for text in texts]


def test_whole_numbers_are_one_value_in_every_form() -> None:
    assert [as_value(v) for v in (1, 1.0, "1", " +1.", "1.00\n", -1.0, "-0")] == [
        "1", "1", "1", "1", "1", "-1", "0",
    ]  # fmt: skip
    assert [as_value(v) for v in ("007", "1.5", "a b", "1e3", True)] == [
        "007", "1.5", "a b", "1e3", "True",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "names", "labels"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([10, 9, -1], ("-1", "9", "10"), [2, 1, 0]),
        (["10", "9", "x"], ("10", "9", "x"), [0, 1, 2]),
        ([], ("all",), []),
    ],
)
def test_without_stated_names_the_values_are_the_names_in_order(
    values: list, names: tuple[str, ...], labels: list[int]
) -> None:
    assert classes(values, None) == (names, labels)


@pytest.mark.parametrize(
    ("values", "stated", "labels"),
    [
        (["dog", "cat"], ("cat", "dog"), [1, 0]),
        ([1, 0], ("cat", "dog"), [1, 0]),
        ([1], ("cat", "dog"), [1]),
        ([1, 2], ("1", "2"), [0, 1]),  # names before numbers
        ([0, 1], ("1", "2"), [0, 1]),
        (["cat", "fish"], ("cat", "dog"), [0, UNKNOWN]),
        ([1, 2, 3], ("a", "b", "c"), [0, 1, 2]),
        ([-1, 1], ("no", "yes"), [0, 1]),
        ([255, 0], ("no", "yes"), [1, 0]),
        ([30, 10, 20], ("a", "b", "c"), [2, 0, 1]),
        ([0, 1, 7], ("a", "b", "c"), [0, 1, UNKNOWN]),  # 7 may be an error
        ([1, 2], ("a", "b", "c"), [1, 2]),
        ([2, 3], ("a", "b", "c"), [2, UNKNOWN]),
        ([1.5, 0.5], ("a", "b"), [UNKNOWN, UNKNOWN]),
        (range(1, 11), TEN, list(range(10))),
    ],
)
def test_stated_names_are_met_by_name_by_number_or_in_plain_order(
    values: list, stated: tuple[str, ...], labels: list[int]
) -> None:
    assert classes(values, stated) == (stated, labels)


def test_an_order_that_was_found_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        classes([-1, 1], ("no", "yes"))
        classes([0, 1], ("no", "yes"))
    assert [r.message for r in caplog.records] == [
        "labels are taken for the classes in rising order: -1 is no, 1 is yes"
    ]


def test_nearly_as_many_values_as_records_are_no_classes() -> None:
    values = {f"text {n}": 2 for n in range(101)}
    assert len(find_classes(values, None, where="labels").names) == 101
    with pytest.raises(RequestError, match="found 101 different ones of 201 records"):
        find_classes(values | {"text 0": 1}, None, where="labels")


def test_a_value_of_few_records_may_be_an_error() -> None:
    """Where none of class 0 is there, one label too high would move all labels by one."""
    stated = ("a", "b", "c")
    for few, labels in ((9, [1, 2, UNKNOWN]), (11, [0, 1, 2])):
        found = find_classes({"1": 1500, "2": 1500, "3": few}, stated, where="labels")
        assert [found.label(value) for value in "123"] == labels


def test_the_order_is_by_code_points_and_numbers_are_by_size() -> None:
    assert in_order(["b", "a", "B", "10", "9"]) == ["10", "9", "B", "a", "b"]
    assert in_order(map(str, range(11))) == [str(n) for n in range(11)]
    assert in_order(["10", "2", "01", "1"]) == ["01", "1", "2", "10"]
    assert in_order(["2", "-1", "+3", "-10"]) == ["-10", "-1", "2", "+3"]
    assert in_order(["10.0", "2.", "1.00"]) == ["1.00", "2.", "10.0"]
    assert in_order(["1/10", "1/9", "0/11"]) == ["0/11", "1/9", "1/10"]
    assert in_order(["1/10", "1/9", "0/x"]) == ["0/x", "1/10", "1/9"]
    assert in_order(["2", "10.5"]) == ["10.5", "2"]


def test_unused_columns_whose_values_repeat_are_told(caplog: pytest.LogCaptureFixture) -> None:
    columns = {"id": [1, 2, 3, 4], "kind": ["dog", "cat", "dog", "cat"], "none": [None] * 4}
    tell_unused(columns, where="a.csv")
    assert [(r.levelname, r.message) for r in caplog.records] == [
        (
            "WARNING",
            "no column of labels in a.csv, so all records are of one class; the unused column kind "
            "has few different values, such as cat, dog: set source.label to it if these are the "
            "classes",
        )
    ]


def test_numbers_that_are_names_of_other_classes_are_told(caplog: pytest.LogCaptureFixture) -> None:
    names = tuple(map(str, range(1, 11)))
    found = find_classes({str(n): 5 for n in range(10)}, names, where="the labels of x")
    assert found.labels["1"] == 1
    assert "1 is number 1, not the class of that name" in caplog.text
    caplog.clear()
    find_classes({str(n): 5 for n in range(1, 11)}, names, where="the labels of x")
    assert "WARNING" not in caplog.text
