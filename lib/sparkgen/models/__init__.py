"""Models: each is a deterministic map from noise and what is given to data, with a loss to train by.

In come noise, float32 (B, *shape), and what is given beside it, such as labels or pictures. Out go
records as a model sees them, such as images float32 (B, H, W, C) in [0, 1]. In training a batch comes
in, and loss terms (B,) go out.

    <family>/<name>.py   one model: Config, its options, and build(config, spec); PARTS, if it has any
    <family>/_base.py    what the models of a family share, like other files that begin with `_`
    contract.py          GenerativeModel, which every model is
    counted.py           how models that learn by counting are fitted
    encoder_decoder.py   EncoderDecoder, which every model with latents is
    inpainting.py        pictures of which some pixels are known, for any model that fills in the others
    latent.py            interpolation, concepts and charts, for any EncoderDecoder
    names.py             the models there are, by their files
    discovery.py         models by name
    saving.py            models as folders on disk
    declared.py          what models declare of themselves, such as what they are given
    trained.py           what training uses of a model
    description.py       what a model is built from, and what a saved one says of itself
    parts.py             the models that a model stands on, and what they must be
    package.py           a model from a user's own package, and what it takes along
    imports.py           the packages that such models are imported from
    portable.py          a saved model as bytes, as it travels to Spark's executors

The family `pretrained` is apart: its networks were trained by others, and only stand as parts.

Read `contract.py` first, then a short model, such as `reconstruction/linear_autoencoder.py`.

| to add | write |
| --- | --- |
| a model | `<family>/<name>.py`; it is found by its file name |
| a family | a folder with an `__init__.py`, listed among the families in `pyproject.toml` |
| what two models of a family share | the family's `_base.py` |
| a layer or a formula that two families share | a file in `sparkgen.layers` |

CONTRIBUTING.md says which experiment and which test go with a model. Models know nothing of workers,
Spark or MLflow, and families do not import each other.
"""
