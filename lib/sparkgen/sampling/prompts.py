"""Tells what a model wrote from the prompt before it."""

from collections.abc import Iterable

from sparkgen.sampling.sample_set import SampleSet


def without_prompts(
    sample_set: SampleSet, texts: Iterable[str], prompts: Iterable[str]
) -> list[str]:
    """The texts of a sample set without the prompts, where the set's options put these before them.

    Args:
        sample_set: whose samples are texts.
        texts: of its samples.
        prompts: what was given for each.
    """
    if not sample_set.options.get("with_prompt"):
        return list(texts)
    return [text.removeprefix(prompt) for text, prompt in zip(texts, prompts, strict=True)]
