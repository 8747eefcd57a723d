"""Filter visualisation shows the pattern that each filter of a layer answers to.

Erhan et al., "Visualizing Higher-Layer Features of a Deep Network", 2009; Olah et al., "Feature
Visualization", 2017: gradient ascent by the pixels (`optimised/_ascent.py`) on the mean over all places
of what a filter answers,

    mean_{h, w} f_c(x)_{h, w}.

Sample i shows filter i, and after the last one it begins again, from other noise: a sheet of samples is a
sheet of a layer. The figure `answer` is the mean for what is stored, without jitter or noise; a filter
that answers 0 was not to be woken.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from keras import ops
from pydantic import Field

from sparkgen.config.nearest import choose
from sparkgen.config.options import Range
from sparkgen.datasets.records import DataSpec, ImageRecord, Record
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel, Given, Part, Tensor
from sparkgen.models.optimised._ascent import Ascent, AscentConfig
from sparkgen.models.optimised._layers import shapes_of_answers

PARTS = {"network": Part(activations=True, records=False)}


class Config(AscentConfig):
    """Options of filter visualisation."""

    layer: str = ""
    """The layer, one of the network's; empty: the middle one. Another name is refused with the names that
    there are."""
    size: int = Field(128, ge=1)
    """Height and width of the pictures in pixels, for a network of pictures of any size; those of other
    networks are of the size of their records."""


class FilterVisualisation(Ascent):
    """Pictures of filters, by gradient ascent on what they answer."""

    generate_options: ClassVar[dict[str, Any]] = {
        **Ascent.ascent_options,
        "rate": 0.05,
        "total_variation": 0.0,
        "darkness": 0.0,
        "grain": 0.1,
        "outside": 0.5,
    }
    """Those of every ascent."""
    generate_ranges: ClassVar[dict[str, Range]] = Ascent.ascent_ranges
    figure_names = ("answer",)

    def __init__(
        self, config: Config, spec: DataSpec, network: GenerativeModel, **kwargs: Any
    ) -> None:
        *sides, channels = network.spec.shape
        height, width = sides or (config.size, config.size)
        super().__init__(config, spec, (height, width, channels), **kwargs)
        self.network, self.layer = network, _layer(config.layer, network)
        (answer,) = shapes_of_answers(network, [self.layer], self.image_shape).values()
        self.filters = int(answer[-1] or 0)
        self.given = {"filter": Given("label", choices=self.filters)}

    @property
    def makes(self) -> Record:
        return ImageRecord(self.image_shape)

    def answer(self, x_BHWC: Tensor) -> Tensor:
        """What the filters of the layer answer, the mean over all places: float32 (B, filters)."""
        found = self.network.activations(x_BHWC, [self.layer])[self.layer]
        return ops.mean(found, axis=(1, 2)) if len(found.shape) == 4 else found

    def wanted(self, given: Mapping[str, Tensor]) -> Tensor:
        return ops.one_hot(ops.convert_to_tensor(given["filter"]), self.filters)

    def score(self, x_BHWC: Tensor, given: Tensor, options: Mapping[str, Tensor]) -> Tensor:
        return ops.sum(given * self.answer(x_BHWC), axis=-1)

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"answer": self.score(made, self.wanted(given), {})}


def _layer(asked: str, network: GenerativeModel) -> str:
    """The layer that is asked for, or the middle one of those that answer."""
    names = network.activation_names
    if asked and asked not in names:
        raise RequestError(
            f"model.options.layer among {', '.join(names)}, those of {network.name}",
            found=asked,
            mend=choose(asked, names),
        )
    return asked or names[len(names) // 2]


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """Filter visualisation of a layer of a network."""
    return FilterVisualisation(config, spec, parts["network"], name="filter_visualisation")
