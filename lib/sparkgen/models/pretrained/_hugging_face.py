"""Reads networks of text in the form in which Hugging Face's library `transformers` saves them.

Their `config.json` says which kind of network it is, and its sizes. What that library can and the layers
here do not have is refused, as is a tensor that nothing would be done with. GPT-2 and Llama, and what is
built as they are, become `language.transformer`, DistilBERT for questions `pretrained.distilbert`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.records import DataSpec, TokenRecord
from sparkgen.datasets.tokenizer import Tokenizer

Array = npt.NDArray[Any]
Values = dict[str, Any]
Tensors = dict[str, Array]
TRANSFORMER = "language.transformer"
DISTILBERT = "pretrained.distilbert"
LENGTH = 256
"""Tokens of a block, less one, of the data that a network is said to be for; it may see more of them."""
BUFFERS = re.compile(r".*(\.attn\.(masked_)?bias|\.rotary_emb\.inv_freq|position_ids)")
"""Tensors that are no weights: masks, frequencies and numbers that follow from the sizes."""


class Imported(NamedTuple):
    """A network of a folder, as a model of sparkgen's."""

    name: str
    options: Values
    spec: DataSpec
    weights: Tensors
    """By where they lie in the model's layers, as `network.blocks.0.attention.into.kernel`."""


def imported(config: Mapping[str, Any], tokenizer: Tokenizer, tensors: Tensors) -> Imported:
    """The model of a configuration, a tokenizer and tensors by name.

    Embeddings of numbers that the tokenizer gives no text are left out.

    Raises:
        ValueError: sparkgen has no such network, or tensors are missing, too many or of other shapes.
    """
    kind = config.get("model_type")
    if kind not in KINDS:
        raise ValueError(f"a network of the kind {kind}, and known are {', '.join(KINDS)}")
    read = _Reader(config)
    tensors = {name: x for name, x in tensors.items() if not BUFFERS.fullmatch(name)}
    found = KINDS[kind](read, tokenizer, tensors)
    if tensors:
        raise ValueError(f"{len(tensors)} tensors more than it has, such as {sorted(tensors)[0]}")
    return found


class _Reader:
    """Values of a configuration."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def __getitem__(self, name: str) -> Any:
        if name not in self.config:
            raise ValueError(f"a config.json without {name}")
        return self.config[name]

    def get(self, name: str, default: Any) -> Any:
        """A value; the default where there is none or null."""
        found = self.config.get(name)
        return default if found is None else found

    def only(self, **known: Any) -> None:
        """Refuses values that mean something else than sparkgen computes; a tuple has several."""
        for name, values in known.items():
            values = values if isinstance(values, tuple) else (values,)
            if (found := self.get(name, values[0])) not in values:
                raise ValueError(f"{name} {found} in config.json, and known is {values[0]}")


def _gpt2(read: _Reader, tokenizer: Tokenizer, tensors: Tensors) -> Imported:
    read.only(
        activation_function=("gelu_new", "gelu_pytorch_tanh"),
        scale_attn_weights=True,
        scale_attn_by_inverse_layer_idx=False,
        tie_word_embeddings=True,
        add_cross_attention=False,
    )
    width, context = read["n_embd"], read["n_positions"]
    options = {
        "layers": read["n_layer"],
        "heads": read["n_head"],
        "width": width,
        "feed_forward": read.get("n_inner", 4 * width),
        "context": context,
        "epsilon": read["layer_norm_epsilon"],
        "biases": True,
    }
    take = _Taker(tensors, "transformer.")
    weights = {
        "network.embedding": take("wte.weight")[: tokenizer.size],
        "network.position": take("wpe.weight"),
        **take.norm("ln_f", "network.last"),
    }
    for i in range(options["layers"]):
        here, there = f"h.{i}", f"network.blocks.{i}"
        weights |= take.norm(f"{here}.ln_1", f"{there}.before_attention")
        weights |= take.norm(f"{here}.ln_2", f"{there}.before_dense")
        for name, place in GPT2_PRODUCTS.items():
            weights[f"{there}.{place}.kernel"] = take(f"{here}.{name}.weight")
            weights[f"{there}.{place}.bias"] = take(f"{here}.{name}.bias")
    tensors.pop("lm_head.weight", None)  # the embeddings again
    return Imported(TRANSFORMER, options, _spec(read, tokenizer, min(context, LENGTH) + 1), weights)


def _llama(read: _Reader, tokenizer: Tokenizer, tensors: Tensors) -> Imported:
    read.only(hidden_act="silu", attention_bias=False, mlp_bias=False)
    rotary = read.get("rope_parameters", {}) or read.get("rope_scaling", {})
    if (kind := rotary.get("rope_type", rotary.get("type", "default"))) != "default":
        raise ValueError(f"rotary positions of the kind {kind}, and known is default")
    context, heads = read["max_position_embeddings"], read["num_attention_heads"]
    options = {
        "layers": read["num_hidden_layers"],
        "heads": heads,
        "kv_heads": read.get("num_key_value_heads", heads),
        "width": read["hidden_size"],
        "head_width": read.get("head_dim", read["hidden_size"] // heads),
        "feed_forward": read["intermediate_size"],
        "context": context,
        "positions": "rotary",
        "rotary_base": float(rotary.get("rope_theta", read.get("rope_theta", 10000.0))),
        "norm": "rms",
        "epsilon": read["rms_norm_eps"],
        "activation": "swiglu",
        "tied": read.get("tie_word_embeddings", False),
    }
    take = _Taker(tensors, "model.")
    weights = {"network.embedding": take("embed_tokens.weight")[: tokenizer.size]}
    weights["network.last.scale"] = take("norm.weight")
    head = tensors.pop("lm_head.weight", None)
    if not options["tied"]:
        if head is None:
            raise ValueError("no tensor lm_head.weight")
        weights["network.head"] = head[: tokenizer.size]
    for i in range(options["layers"]):
        here, there = f"layers.{i}", f"network.blocks.{i}"
        weights[f"{there}.before_attention.scale"] = take(f"{here}.input_layernorm.weight")
        weights[f"{there}.before_dense.scale"] = take(f"{here}.post_attention_layernorm.weight")
        for place, names in LLAMA_PRODUCTS.items():
            parts = [take(f"{here}.{name}.weight") for name in names]
            weights[f"{there}.{place}.kernel"] = np.concatenate(parts).T
    return Imported(TRANSFORMER, options, _spec(read, tokenizer, min(context, LENGTH) + 1), weights)


def _distilbert(read: _Reader, tokenizer: Tokenizer, tensors: Tensors) -> Imported:
    read.only(activation="gelu", sinusoidal_pos_embds=False)
    if "qa_outputs.weight" not in tensors:
        raise ValueError("a DistilBERT that answers no questions: no tensor qa_outputs.weight")
    context = read["max_position_embeddings"]
    options = {
        "layers": read["n_layers"],
        "heads": read["n_heads"],
        "width": read["dim"],
        "feed_forward": read["hidden_dim"],
        "context": context,
    }
    take = _Taker(tensors, "distilbert.")
    weights = {
        "embedding": take("embeddings.word_embeddings.weight")[: tokenizer.size],
        "position": take("embeddings.position_embeddings.weight"),
        **take.norm("embeddings.LayerNorm", "first"),
        "spans.kernel": take("qa_outputs.weight").T,
        "spans.bias": take("qa_outputs.bias"),
    }
    for i in range(options["layers"]):
        here, there = f"transformer.layer.{i}", f"blocks.{i}"
        weights |= take.norm(f"{here}.sa_layer_norm", f"{there}.after_attention")
        weights |= take.norm(f"{here}.output_layer_norm", f"{there}.after_dense")
        for place, names in DISTILBERT_PRODUCTS.items():
            kernels = [take(f"{here}.{name}.weight") for name in names]
            biases = [take(f"{here}.{name}.bias") for name in names]
            weights[f"{there}.{place}.kernel"] = np.concatenate(kernels).T
            weights[f"{there}.{place}.bias"] = np.concatenate(biases)
    return Imported(DISTILBERT, options, _spec(read, tokenizer, context), weights)


KINDS: dict[str, Callable[[_Reader, Tokenizer, Tensors], Imported]] = {
    "gpt2": _gpt2,
    "llama": _llama,
    "distilbert": _distilbert,
}
GPT2_PRODUCTS = {
    "attn.c_attn": "attention.into",
    "attn.c_proj": "attention.out",
    "mlp.c_fc": "dense.into",
    "mlp.c_proj": "dense.out",
}
LLAMA_PRODUCTS = {
    "attention.into": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.out": ("self_attn.o_proj",),
    "dense.into": ("mlp.gate_proj", "mlp.up_proj"),
    "dense.out": ("mlp.down_proj",),
}
DISTILBERT_PRODUCTS = {
    "attention.into": ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
    "attention.out": ("attention.out_lin",),
    "dense.into": ("ffn.lin1",),
    "dense.out": ("ffn.lin2",),
}


class _Taker:
    """Takes tensors out, by names that may have a prefix."""

    def __init__(self, tensors: Tensors, prefix: str) -> None:
        self.tensors, self.prefix = tensors, prefix

    def __call__(self, name: str) -> Array:
        for full in (self.prefix + name, name):
            if full in self.tensors:
                return self.tensors.pop(full)
        raise ValueError(f"no tensor {self.prefix}{name}")

    def norm(self, name: str, place: str) -> Tensors:
        """Scale and bias of a normalisation."""
        return {
            f"{place}.scale": self(f"{name}.weight"),
            f"{place}.bias": self(f"{name}.bias"),
        }


def _spec(read: _Reader, tokenizer: Tokenizer, length: int) -> DataSpec:
    if tokenizer.size > read["vocab_size"]:
        raise ValueError(
            f"{read['vocab_size']} embeddings for {tokenizer.size} tokens of tokenizer.json"
        )
    return DataSpec(TokenRecord((length,), tokenizer.size, tokenizer), 1)


def fill(model: Any, weights: Tensors) -> None:
    """Gives a model its weights.

    Raises:
        ValueError: one is missing, or of another shape.
    """
    left = {id(variable) for variable in model.weights}
    for place, values in weights.items():
        variable = model
        for word in place.split("."):
            variable = variable[int(word)] if word.isdecimal() else getattr(variable, word)
        if tuple(variable.shape) != values.shape:
            raise ValueError(f"{place} of shape {values.shape}, and it has {tuple(variable.shape)}")
        variable.assign(values)
        left.discard(id(variable))
    if left:
        raise ValueError(f"{len(left)} weights of the network are not in the file")
