"""Says what lies at a path, and which dataset file ingests it: by the format that is surest of it."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.config.load import parse
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.ingest.dataset_file import Key, plain
from sparkgen.ingest.images.formats import ENDINGS as PICTURES
from sparkgen.ingest.images.formats import ending
from sparkgen.ingest.looking.look import Look, Recognised, Sure
from sparkgen.ingest.looking.survey import Survey, reasons_text
from sparkgen.ingest.sources import source_configs, source_of

TEST_FRACTION = 0.1
MOST_KEYS = 6  # of a dataset file
MOST_SHOWN = 12  # classes in a message
LEAST_SPLIT = 10  # records, from which on a tenth of them is a test split


class Inspection(NamedTuple):
    """What was found at a path: in lines, and as the keys of a dataset file."""

    format: str
    survey: Survey
    lines: list[str]
    keys: list[Key]


def inspect(path: str, name: str, *, start_spark: Callable[[], None]) -> Inspection:
    """What lies at a path, and the keys of the dataset file that ingests it.

    Args:
        path: a file, folder, archive or glob, or the name of a catalog's table.
        name: of the data set.
        start_spark: is called where only Spark reads it.

    Raises:
        RequestError: nothing is there that any format reads; or what is there is marked as of
            another format than text and cannot be read.
    """
    look = Look(path)
    found, marked = _recognised(look)
    errors = list(marked)
    for number, (form, recognised) in enumerate(found):
        if recognised.record != "image" and marked:
            break  # text is the last resort, and no way to read a damaged file
        if recognised.spark:
            start_spark()
        try:
            survey = _survey(form, recognised, name)
        except SparkgenError as error:
            errors.append(error)
            marked += [] if recognised.as_text else [error]
            continue
        others = [other for other, r in found[number + 1 :] if r.sure > Sure.READABLE]
        return _inspection(name, form, recognised, survey, [*_told(errors), *_also(others)])
    raise _refusal((marked or errors)[0]) if errors else _nothing(look)


def _recognised(look: Look) -> tuple[list[tuple[str, Recognised]], list[SparkgenError]]:
    """The formats that recognise a path, the surest first; and why others, or files, cannot be read."""
    found: list[tuple[str, Recognised]] = []
    errors: list[SparkgenError] = []
    for form, kind in source_configs().items():
        try:
            recognised = kind.recognise(look)
        except SparkgenError as error:
            if str(error) not in map(str, errors):
                errors.append(error)
            continue
        if recognised is not None:
            found.append((form, recognised))
    return sorted(found, key=lambda pair: -pair[1].sure), errors + look.faults[:1]


def _survey(form: str, recognised: Recognised, name: str) -> Survey:
    values = {
        "name": name,
        "source": {"format": form, **recognised.keys},
        "record": recognised.record,
        "shape": recognised.shape,
        "tokenizer": recognised.tokenizer,
    }
    draft = parse(DatasetConfig, values, source=f"the dataset {name}")
    with tempfile.TemporaryDirectory() as scratch, _without_remarks():
        survey = source_of(draft).survey(draft, scratch=scratch)
    if not survey.rows.get("train"):
        raise RequestError(
            f"records of the training split that can be read as {form}",
            found=reasons_text(survey.tally.bad) or "none",
            mend="correct the files or give the path of others",
        )
    return survey if survey.about_shape else survey._replace(about_shape=recognised.about_shape)


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Leaves out what the sources say on the way: it is among the findings."""
    logger = logging.getLogger("sparkgen.ingest")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _inspection(
    name: str, form: str, recognised: Recognised, survey: Survey, more: list[str]
) -> Inspection:
    rows = ", ".join(f"{split} {count}" for split, count in survey.rows.items())
    lines = [f"format {form}: {recognised.found}", f"records: {rows or 'none'}"]
    if _classified(recognised, survey):
        lines.append(_classes(survey))
    lines += survey.lines
    bad = reasons_text(survey.tally.bad)
    lines += [f"bad records, for the quarantine: {bad}"] if bad else []
    unused = reasons_text(survey.unused)
    lines += [f"passed over: {unused}"] if unused else []
    lines += [f"looked at {survey.part} alone"] if survey.part else []
    return Inspection(form, survey, lines + more, _keys(name, form, recognised, survey, rows))


def _keys(name: str, form: str, recognised: Recognised, survey: Survey, rows: str) -> list[Key]:
    part = f" ({survey.part})" if survey.part else ""
    source = {"format": form, **recognised.keys, **survey.keys}
    classes = f"{_few(survey)}; " if _classified(recognised, survey) else ""
    keys = [
        Key("name", name, "of the data set; versions lie in a folder of this name"),
        Key("source", source, f"{recognised.found}; {classes}{rows}{part}"),
    ]
    if recognised.record != "image":
        keys.append(Key("record", recognised.record, "what a record is"))
    if recognised.tokenizer is not None:
        about = "how texts become tokens: characters, words, white_space (words between it), or bpe"
        keys.append(Key("tokenizer", recognised.tokenizer, about))
    keys.append(Key("shape", list(survey.shape), survey.about_shape))
    options = dict(survey.options)
    if "test" not in survey.rows and survey.tally.labels.total() >= LEAST_SPLIT:
        about = "the share set aside as the test split, on which models are measured"
        options["test_fraction"] = (TEST_FRACTION, about)
    lanes = _lanes(survey)
    if lanes is not None:
        options["lanes"] = (lanes, "streams of training, each of which needs a row")
    if len(keys) + len(options) > MOST_KEYS:
        options.pop("class_names", None)  # the source finds them itself, in a pass of its own
    return keys + [Key(key, value, about) for key, (value, about) in options.items()]


def _classified(recognised: Recognised, survey: Survey) -> bool:
    return recognised.record == "image" or survey.class_names != NO_CLASSES


def _lanes(survey: Survey) -> int | None:
    """The lanes that so few training rows can fill; None: those that there are by default."""
    fields = DatasetConfig.model_fields
    rows = survey.rows.get("train", 0)
    kept = rows * (1 - fields["validation_fraction"].default)
    kept = int(kept if "test" in survey.rows or rows < LEAST_SPLIT else kept - TEST_FRACTION * rows)
    lanes: int = fields["lanes"].default
    while lanes > max(1, kept):
        lanes //= 2
    return None if lanes == fields["lanes"].default else lanes


def _classes(survey: Survey) -> str:
    counts = survey.counts()
    shown = [f"{plain(name)} {count}" for name, count in list(counts.items())[:MOST_SHOWN]]
    more = f" and {len(counts) - MOST_SHOWN} more" if len(counts) > MOST_SHOWN else ""
    return f"{_few(survey)}: {', '.join(shown)}{more}"


def _few(survey: Survey) -> str:
    count = len(survey.class_names)
    return "1 class" if count == 1 else f"{count} classes"


def _refusal(error: SparkgenError) -> RequestError:
    """An error that says that what was named cannot be read."""
    if isinstance(error, RequestError):
        return error
    return RequestError(
        "files that can be read", found=str(error), mend="write or download them again"
    )


def _told(errors: list[SparkgenError]) -> list[str]:
    return [f"not read in another way: {line}" for line in dict.fromkeys(map(str, errors))]


def _also(others: list[str]) -> list[str]:
    return [f"could be read as {', '.join(others)} as well"] if others else []


def _nothing(look: Look) -> RequestError:
    if look.kind == "nothing":
        return RequestError(
            f"a file, folder, archive or glob at {look.path}",
            found="nothing there",
            mend="correct the path",
        )
    names = look.files or look.names
    count = f"{len(names)} {'file' if len(names) == 1 else 'files'}"
    pictures = any(ending(name) in PICTURES for name in names)
    return RequestError(
        f"data that a source format reads ({', '.join(source_configs())}) at {look.path}",
        found=f"{count}, such as {plain(PurePosixPath(names[0]).name)}" if names else "no file",
        mend="give the folder that holds the pictures"
        if pictures
        else "give the path of pictures, a table, numbers or text",
    )
