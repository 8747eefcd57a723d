"""Finds the class that a folder means, by the name of the class or by its number."""

from collections.abc import Mapping

from sparkgen.errors import RequestError


def class_labels(folders: Mapping[str, set[str]], class_names: tuple[str, ...]) -> dict[str, int]:
    """The label of every folder name that means a class.

    A folder bears the name of its class or its number, counted from 0. Where class names are
    numbers themselves, such as "1" and "2", a folder may be the name of one class and the number of
    another: then all folders must be names.

    Args:
        folders: the class folders found in each split, known or not.
        class_names: in the order of the labels.

    Raises:
        RequestError: some folders are names only in part, and one would mean two classes; or two
            folders of a split mean one class.
    """
    names = {name: label for label, name in enumerate(class_names)}
    numbers = {str(label): label for label in range(len(class_names))}
    found = set[str]().union(*folders.values())
    by_number = sorted(f for f in found if f in numbers and f not in names)
    double = sorted(f for f in found if f in numbers and names.get(f, numbers[f]) != numbers[f])
    if by_number and double:
        raise RequestError(
            f"class folders that all bear one of the class names {', '.join(class_names)}",
            found=f"folder {by_number[0]}, which can only be a number, beside folder {double[0]}, "
            f"which is the name of class number {names[double[0]]}, and class number {double[0]} "
            f"is {class_names[numbers[double[0]]]}",
            mend="rename the folders to the class names, or correct dataset.class_names",
        )
    labels = numbers | names
    for split, present in folders.items():
        _refuse_doubles(split, present, labels, class_names)
    return labels


def _refuse_doubles(
    split: str, present: set[str], labels: dict[str, int], class_names: tuple[str, ...]
) -> None:
    """Refuses a split in which one class has two folders, its name and its number."""
    first: dict[int, str] = {}
    for folder in sorted(present & labels.keys()):
        other = first.setdefault(labels[folder], folder)
        if other != folder:
            raise RequestError(
                f"one folder for class {class_names[labels[folder]]} in the {split} split",
                found=f"{other} and {folder}, its number and its name",
                mend="rename one of them, or put their pictures together",
            )
