"""Pictures made by prompts, with Spark."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from sparkgen.config.experiment import SamplingConfig
from sparkgen.models.portable import pack
from sparkgen.sampling.sample import sample

PROMPTS = ["a thick seven", "a thin striped seven", ""]


@pytest.fixture
def config() -> SamplingConfig:
    given = {"prompt": {"from": "texts", "values": PROMPTS}}
    return SamplingConfig(count=33, seed=7, batch_rows=4, contact_sheet=6, given=given)


def test_one_and_seven_partitions_make_the_same_pictures_by_prompts(
    spark: SparkSession, prompted_ddpm: Path, config: SamplingConfig, tmp_path: Path
) -> None:
    made = {
        partitions: sample(
            spark,
            pack(prompted_ddpm),
            config,
            model_uri="models:/prompted/1",
            samples_uri=str(tmp_path / str(partitions)),
            partitions=partitions,
        )
        for partitions in (1, 7)
    }
    one, seven = ([file.read().to_pybytes() for file in found.files] for found in made.values())
    assert one == seven
    folder = Path(made[1].uri)
    table = pq.read_table([folder / file.entry.path for file in made[1].files])
    assert table["given_prompt"].to_pylist() == [PROMPTS[i % 3] for i in range(33)]
    assert table["figure_unknown_words"].to_pylist() == [float(i % 3 == 1) for i in range(33)]
    assert made[1].sample_set.figures["unknown_words"] == pytest.approx(1 / 3)
    with Image.open(made[1].contact_sheet) as sheet:
        pixels = np.asarray(sheet.convert("L"))
    # Six pictures in a row, with letters below them and white paper between.
    assert pixels.shape[1] > 6 * 136
    assert (pixels[-20:] < 100).any()
