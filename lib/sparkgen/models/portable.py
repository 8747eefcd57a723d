"""A saved model as bytes: how it travels to Spark's Python workers, and is looked into without Keras.

The description has the SHA-256 of the other files and of itself; where it has, they are held to them.
Models saved before have none, and are taken as they are. The source of a model from a user's own
package is a third file (`models.package`).
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sparkgen.datasets.files import digest
from sparkgen.datasets.record_entry import RecordEntry
from sparkgen.datasets.records import DataSpec, Record
from sparkgen.datasets.sealed import SEAL, unseal
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.errors import ModelError

MODEL_FILE = "model.json"
WEIGHTS_FILE = "model.weights.h5"
PACKAGE_FILE = "package.zip"
GUARDS = (
    "weights_sha256",
    "package_sha256",
    "requirements",
    "generate_ranges",
    "given",
    "makes",
    "figure_names",
    "classifies",
    SEAL,
)
CLASSIFIERS = "discriminative."  # the names of all classifiers that were saved without `classifies`


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Spec(BaseModel):
    """The data that a model is for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: tuple[int, ...]
    classes: int
    seen: tuple[int, ...] | None = None
    """The labels of its training rows; None: all classes."""
    kind: str = "image"
    values: int = 256
    tokenizer: str | None = None
    """The text of the `tokenizer.json` of token records or captions."""
    caption_length: int | None = None
    """Tokens of the caption beside each record; None: there are none."""

    @classmethod
    def of(cls, spec: DataSpec) -> "Spec":
        """What is said of a `DataSpec`."""
        form = RecordEntry.of(spec.record)
        return cls(classes=spec.classes, seen=spec.seen, **form.model_dump())

    def data_spec(self) -> DataSpec:
        """The `DataSpec` again; a `ValueError` where this release knows no such records."""
        form = self.model_dump(include=set(RecordEntry.model_fields))
        return DataSpec(RecordEntry(**form).record, self.classes, self.seen)


class GivenEntry(BaseModel):
    """A thing that the model's `generate` takes beside noise (`models.contract.Given`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: Literal["label", "record", "text"]
    required: bool = True
    needs: tuple[str, ...] = ()
    kind: str | None = None
    """Of a record, as its shape and values."""
    shape: tuple[int, ...] = ()
    values: int = 256
    tokenizer: str | None = None
    choices: int | None = None
    """Of a label that is none of the data."""

    @property
    def record(self) -> Record | None:
        """The record that is given; None for a label or a text."""
        if self.kind is None:
            return None
        form = self.model_dump(include=set(RecordEntry.model_fields))
        return RecordEntry(**form).record


class Blueprint(BaseModel):
    """What a model is built from, all but its weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    options: dict[str, Any]
    spec: Spec
    density: dict[str, Any]
    parts: dict[str, "Blueprint"] = {}
    """The models that it stands on. Their weights are among its own."""


class Description(Blueprint):
    """What `model.json` says."""

    parameters: int = 0
    conditional: bool
    classifies: bool | None = None
    """Whether it can be a judge (`models.contract`). None: saved by a release that did not note it."""
    generate_options: dict[str, Any]
    given: dict[str, GivenEntry] = {}
    makes: RecordEntry | None = None
    """What it generates; None: records as those that it is for."""
    figure_names: tuple[str, ...] = ()
    """The figures that it gives of each sample."""
    generate_ranges: dict[str, tuple[float | None, float | None]] = {}
    """The least and the most that an option may be."""
    reads: tuple[str, ...] = ()
    """The options that name the pictures it was trained by."""
    weights_sha256: Sha256 | None = None
    """None: the model was saved by a release that did not note it."""
    package_sha256: Sha256 | None = None
    """Of the source beside it; None: the model is one of sparkgen's own."""
    requirements: tuple[str, ...] = ()
    """What the source needs besides sparkgen, for pip."""


class PortableModel(NamedTuple):
    """The files of a saved model."""

    description_json: bytes
    weights: bytes
    package: bytes | None = None
    """The source of the user's package that it is from; None: it is one of sparkgen's own."""

    @property
    def files(self) -> dict[str, bytes]:
        """The files by their names; the description, which makes them a model, comes last."""
        package = {} if self.package is None else {PACKAGE_FILE: self.package}
        return {WEIGHTS_FILE: self.weights, **package, MODEL_FILE: self.description_json}

    @property
    def description(self) -> dict[str, Any]:
        """Name, options, spec, density, `conditional` and `generate_options` of the model."""
        return dict(json.loads(self.description_json))

    @property
    def spec(self) -> DataSpec:
        """The data that the model is for."""
        return Spec.model_validate(self.description["spec"]).data_spec()

    @property
    def given(self) -> dict[str, GivenEntry]:
        """What the model's `generate` takes beside noise, by name."""
        described = self.description
        # A model that was saved before says no more than whether it is conditional.
        before = {"label": {"what": "label"}} if described["conditional"] else {}
        entries = described.get("given", before)
        return {name: GivenEntry.model_validate(entry) for name, entry in entries.items()}

    @property
    def makes(self) -> Record:
        """The form of what the model generates."""
        entry = self.description.get("makes")
        return self.spec.record.bare if entry is None else RecordEntry.model_validate(entry).record

    @property
    def figure_names(self) -> tuple[str, ...]:
        """The figures that the model gives of each sample."""
        return tuple(self.description.get("figure_names", ()))

    @property
    def classifies(self) -> bool:
        """Whether it tells classes, and so can judge samples."""
        described = self.description
        return bool(described.get("classifies", described["name"].startswith(CLASSIFIERS)))

    @property
    def digest(self) -> str:
        """16 hex digits of the SHA-256 of the model: the same for the same model.

        What only guards the files, or how they are used, does not enter, nor where pictures lay that it
        was trained by: what training needs of them is among the weights.
        """
        known = {k: v for k, v in self.description.items() if k not in GUARDS}
        read = known.pop("reads", ())
        if read:
            known["options"] = {k: v for k, v in known["options"].items() if k not in read}
        text = json.dumps(known, indent=1, sort_keys=True)
        return hashlib.sha256(text.encode() + self.weights + (self.package or b"")).hexdigest()[:16]


def pack(folder: str | Path, *, called: str | None = None) -> PortableModel:
    """The saved model of a folder.

    Args:
        folder: its path or URI.
        called: its name in errors; None: the folder.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    name = called or str(folder)
    try:
        files = [read_bytes(f"{folder}/{file}") for file in (MODEL_FILE, WEIGHTS_FILE)]
        packed = PortableModel(*files)
        described = describe(packed, called=name)
        if described.package_sha256 is not None:
            packed = packed._replace(package=read_bytes(f"{folder}/{PACKAGE_FILE}"))
    except OSError as error:
        raise ModelError(
            f"a saved model in {name}", found=type(error).__name__, mend="train it first"
        ) from None
    digests = {WEIGHTS_FILE: described.weights_sha256, PACKAGE_FILE: described.package_sha256}
    for file, expected in digests.items():
        if expected is not None and digest(packed.files[file]) != expected:
            raise ModelError(
                f"the file that {MODEL_FILE} describes as {name}/{file}",
                found="another: it is damaged",
                mend="train it again",
            )
    return packed


def describe(packed: PortableModel, *, called: str) -> Description:
    """What a model says of itself; a `ModelError` where that is damaged, or of another release."""
    try:
        return Description.model_validate(unseal(packed.description_json))
    except ValueError as error:
        found = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ModelError(
            f"the description of a model in {called}/{MODEL_FILE}",
            found=found,
            mend="train it again, or use the release of sparkgen that trained it",
        ) from None


def lay_out(packed: PortableModel, folder: str | Path) -> None:
    """Writes a model's files into a local folder, which is made where there is none."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, data in packed.files.items():
        (Path(folder) / name).write_bytes(data)


def store(packed: PortableModel, folder_uri: str) -> None:
    """Writes a model's files into a folder of any storage."""
    for name, data in packed.files.items():
        write_bytes(f"{folder_uri}/{name}", data)
