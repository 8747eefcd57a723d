"""The options of the diffusion model."""

from typing import Annotated, Literal

from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.layers.diffusion import Prediction, Schedule
from sparkgen.layers.unet import GROUPS

Channels = Annotated[int, Field(gt=0, multiple_of=GROUPS)]


class Config(Strict):
    """Options of the diffusion model."""

    steps: int = Field(1000, gt=1)
    """T, the times of the process."""
    schedule: Schedule = "cosine"
    """How the variances of the noise depend on the time."""
    prediction: Prediction = "v"
    """What the network predicts."""
    channels: tuple[Channels, ...] = Field((32, 64, 64), strict=False, min_length=1)
    """Of the U-Net's levels, the finest first; multiples of 8."""
    blocks: int = Field(1, gt=0)
    """Residual blocks for each level, on the way down and on the way up."""
    attention_levels: int = Field(1, ge=0)
    """Of the coarsest levels, those with self-attention."""
    patch: int = Field(1, gt=0)
    """Side of the patches that the image is folded into."""
    embedding: int = Field(128, gt=0, multiple_of=2)
    """Size E of the embedding of time and label."""
    conditional: bool = False
    """Whether the network is given the label."""
    prompts: bool = False
    """Whether the network is given the caption, and `generate` a prompt in its place."""
    prompt_blocks: int = Field(1, gt=0)
    """Transformer blocks that read a prompt."""
    label_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the rows whose label and caption are withheld in training."""
    guide_channels: tuple[Channels, ...] | None = Field(None, strict=False, min_length=1)
    """Of a smaller U-Net that guidance leads away from, as `channels`; null: there is none. It is given
    neither label nor prompt, has the same `blocks`, `attention_levels`, `patch` and `embedding`, and is
    trained beside the other: its error is a part of the loss. It has a part in samples where `guidance`
    is not 1."""
    guidance: float = Field(1.0, ge=0)
    """Of `generate`: 0 ignores the label and the prompt, 1 follows them, more exaggerates them. With
    `guide_channels` 0 samples the smaller U-Net, 1 the larger one, and more exaggerates what tells them
    apart."""
    temperature: float = Field(1.0, ge=0)
    """Of `generate`: what all noise is multiplied by; under 1 samples vary less, and are more typical."""
    sampler: Literal["ddim", "ancestral"] = "ddim"
    """Whether the way back draws fresh noise."""
    sampling_steps: int = Field(50, gt=0)
    """Steps of the way back; for ancestral sampling the most that `generate` can take."""
