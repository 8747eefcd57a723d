"""Defines how a request names saved models: registered ones, and networks that others trained."""

import re
from typing import Annotated

from pydantic import AfterValidator

SAVED_MODEL = re.compile(r"models:/[\w. -]+/[1-9][0-9]*|[a-z0-9][a-z0-9_]*(/[1-9][0-9]*)?")
"""What names a registered model: `vae_mnist`, `vae_mnist/3` or `models:/NAME/3`."""
PACKAGE = re.compile(r"package:(?P<name>[a-z0-9]+(-[a-z0-9]+)*)")
"""What names the weights of a package: `package:efficientnet-lite0`."""
KERAS = re.compile(
    r"keras:(?P<network>\w+)(?P<top>\+top)?"
    r"(@(?P<path>[^#]+)(#sha256=(?P<sha256>[0-9a-f]{64}))?)?"
)
"""What names a network of keras.applications: `keras:VGG16`, whose weights Keras fetches, or
`keras:VGG16@/path/weights.h5`, perhaps with `#sha256=` and the digest of the file. `keras:VGG16+top` has
the layers that tell the classes."""

HUB = re.compile(
    r"hf://(?P<name>[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?)@(?P<revision>[0-9a-f]{40})"
)
"""What names a network of text on Hugging Face's hub: `hf://OWNER/NAME@` and the commit, 40 digits."""
FOLDER = re.compile(r"folder:(?P<path>[^#]+)(#sha256=(?P<sha256>[0-9a-f]{64}))?")
"""What names a folder with such a network: `folder:/path`, perhaps with `#sha256=` and the digest that
the model version of an earlier use has."""


def _names_a_model(value: str) -> str:
    if not SAVED_MODEL.fullmatch(value):
        raise ValueError("name an experiment, as vae_mnist, vae_mnist/3 or models:/NAME/3")
    return value


def _names_a_part(value: str) -> str:
    if not any(form.fullmatch(value) for form in (SAVED_MODEL, PACKAGE, KERAS, HUB, FOLDER)):
        raise ValueError(
            "name an experiment, as vae_mnist, vae_mnist/3 or models:/NAME/3, or pretrained weights, as "
            "package:efficientnet-lite0, keras:VGG16, keras:VGG16@/path/weights.h5, folder:/path or "
            "hf://OWNER/NAME@COMMIT, the commit with its 40 digits"
        )
    return value


SavedModelName = Annotated[str, AfterValidator(_names_a_model)]
PartName = Annotated[str, AfterValidator(_names_a_part)]


def _names_inception(value: str) -> str:
    found = KERAS.fullmatch(value)
    if found is None or found["network"] != "InceptionV3":
        raise ValueError("name keras:InceptionV3 or keras:InceptionV3@/path/weights.h5")
    return value


InceptionName = Annotated[str, AfterValidator(_names_inception)]
