"""Texts by a network that others trained, GPT-2 or Llama: it continues prompts, and learns nothing here.

The network is a part: `hf://OWNER/NAME@COMMIT` of Hugging Face's hub, or `folder:PATH`, a folder with
`config.json`, `tokenizer.json` and `model.safetensors`. Its tokenizer is its own, whatever that of the
dataset is. A trained `language.transformer` can be the part as well.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, Record
from sparkgen.layers.transformer import Transformer
from sparkgen.models.contract import GenerativeModel, Part, Tensor
from sparkgen.models.language._base import LanguageModel

PARTS = {"network": Part(records=False, writes=True)}


class Config(Strict):
    """How much of a text it looks at."""

    context: int = Field(2048, ge=2)
    """Tokens that it sees at most, where the network can see more. A sample takes memory for so many:
    2048 of them are 94 MB a row for SmolLM2-135M."""


class PretrainedText(GenerativeModel):
    """What its network makes."""

    learns = "nothing"
    records = ("tokens",)
    generate_options = LanguageModel.generate_options
    generate_ranges = LanguageModel.generate_ranges

    def __init__(self, spec: DataSpec, network: LanguageModel, context: int, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.network = network
        if isinstance(network.network, Transformer):
            network.network.hold(context)
        self.given, self.noise = network.given, network.noise

    @property
    def makes(self) -> Record:
        return self.network.makes

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        return self.network.make(noise, given, **options)


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Texts by the part `network`."""
    return PretrainedText(spec, parts["network"], config.context, name="pretrained")
