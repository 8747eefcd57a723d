"""Checks a request for samples, as far as that is possible without data."""

from collections.abc import Mapping
from typing import Any

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.options import Range, check_options
from sparkgen.datasets.records import DataSpec, Record
from sparkgen.errors import RequestError
from sparkgen.models.portable import PortableModel
from sparkgen.sampling.given import check_given

MOST_BATCH_BYTES = 2**31 - 1  # Arrow's columns of bytes end there


def check(packed: PortableModel, config: SamplingConfig) -> None:
    """Refuses a request for samples that a saved model cannot make.

    Raises:
        RequestError: as `check_sampling`.
    """
    described = packed.description
    ranges = {k: Range(*bounds) for k, bounds in described.get("generate_ranges", {}).items()}
    check_sampling(
        config,
        packed.given,
        packed.spec,
        makes=packed.makes,
        options=described["generate_options"],
        ranges=ranges,
        model=described["name"],
    )


def check_sampling(
    config: SamplingConfig,
    takes: Mapping[str, Any],
    spec: DataSpec,
    *,
    makes: Record,
    options: Mapping[str, Any],
    ranges: Mapping[str, Range],
    model: str,
) -> None:
    """Refuses a request for samples that a model cannot make.

    Args:
        config: the request.
        takes: what the model takes, by name: `Given` or `GivenEntry`.
        spec: of the model.
        makes: the form of what it generates.
        options: of its `generate`, with their defaults.
        ranges: of those that have one.
        model: its name.

    Raises:
        RequestError: an option that `generate` has not or that is out of its range, something given
            wrongly, pictures asked for where there are none, or batches that are no column of a file.
    """
    for record in (makes, *(one.record for one in takes.values() if one.record is not None)):
        most = MOST_BATCH_BYTES // record.row_bytes
        if record.fixed and config.batch_rows > most:
            raise RequestError(
                f"sampling.batch_rows up to {most} for {record}",
                found=str(config.batch_rows),
                mend="set it lower",
            )
    if config.png and not makes.pictures:
        raise RequestError(
            f"no sampling.png for records of {makes.kind}", found="true", mend="remove it"
        )
    check_options(config.options, options, ranges, model=model)
    check_given(config, takes, spec, model=model)
