"""Texts without the prompts that they begin with."""

from sparkgen.config.experiment import SamplingConfig
from sparkgen.sampling.prompts import without_prompts
from sparkgen.sampling.sample_set import SampleSet


def sample_set(**options: object) -> SampleSet:
    values = {"id": "a", "model_uri": "models:/a/1", "model_digest": "0", "shape": ()}
    return SampleSet(**values, kind="text", config=SamplingConfig(), options=options)


def test_prompts_are_cut_only_where_the_options_put_them_before_the_texts() -> None:
    texts, given = ["Once upon a time", "Once", "upon"], ["Once", "Once", "Once"]
    written = without_prompts(sample_set(with_prompt=True), texts, given)
    assert written == [" upon a time", "", "upon"]
    for others in ({"with_prompt": False}, {}):
        assert without_prompts(sample_set(**others), texts, given) == texts
