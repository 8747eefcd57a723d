"""Tokens a second out of a transformer: with a cache, without one, and by the reference implementation.

python -m benchmarks.text_sampling [--folder FOLDER] [--tokens N] [--batch ROWS] [--rounds N] [--quick]

All sides continue the same prompts greedily on the same cores, and their tokens are compared first. The
loop without a cache computes the logits of the whole window for each token; both loops are compiled, and
the network is the one of 804,096 parameters with random weights, which do not matter for the time.

The reference is `generate` of Hugging Face's transformers with its cache. It runs in an environment of
its own: SPARKGEN_REFERENCE_PYTHON names the Python that has torch and transformers, without which that
comparison is left out. Both sides read one folder: --folder, or a GPT-2 of the same sizes whose context
is long enough for the text, as that library cannot move its window on.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Comparison, Side, compare, report
from benchmarks.text_reference import Reference

REFERENCE = "SPARKGEN_REFERENCE_PYTHON"
LAYERS, HEADS, WIDTH = 4, 4, 128
CONTEXT, LONG_CONTEXT, VOCABULARY = 64, 512, 65
PROMPT = 16
"""Tokens of a prompt."""


def main() -> None:
    """Runs the comparisons."""
    options = arguments()
    cases = [cached_and_not(options)]
    if python := os.environ.get(REFERENCE):
        with tempfile.TemporaryDirectory() as scratch:
            folder = options.folder or write_gpt2(Path(scratch))
            cases.append(beside_reference(options, folder, python))
    else:
        print(f"  without the reference: {REFERENCE} names no Python", file=sys.stderr)
    report("text sampling", *cases)


def arguments() -> argparse.Namespace:
    """The arguments of this benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="taken and not used: texts are random")
    parser.add_argument("--folder", type=Path, help="of the network that the reference reads too")
    parser.add_argument("--tokens", type=int, default=256, help="of a text (%(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="texts (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="less work, for make bench-quick")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    options = parser.parse_args()
    if options.quick:
        options.tokens, options.batch = 64, 4
    return options


def cached_and_not(options: argparse.Namespace) -> Comparison:
    """The loop with a cache beside the one without."""
    from sparkgen.layers.compiled import compiled

    network, prompts = make_network(), make_prompts(options.batch, VOCABULARY)
    plainly = compiled(lambda tokens: without_cache(network, tokens, options.tokens))

    def plain() -> Any:
        return np.asarray(plainly(prompts))

    ours = Ours(network, prompts, options.tokens)
    same(ours(), plain(), "the loop without a cache")
    sides = [Side("with a cache", lambda: waited(ours)), Side("without", lambda: waited(plain))]
    count = options.batch * options.tokens
    case = f"804,096 parameters, context {CONTEXT}, {options.batch} × {options.tokens} tokens"
    return compare(case, sides, rows=count, rounds=options.rounds)


def beside_reference(options: argparse.Namespace, folder: Path, python: str) -> Comparison:
    """The loop with a cache beside the reference implementation's `generate`."""
    network, size = read_folder(folder)
    prompts = make_prompts(options.batch, size)
    network.hold(max(PROMPT + options.tokens, 2))
    ours = Ours(network, prompts, options.tokens)
    with Reference(python, folder, prompts, options.tokens) as reference:
        same(ours(), reference()[1], "the reference")
        sides = [
            Side("sparkgen", lambda: waited(ours)),
            Side("transformers", lambda: float(reference()[0])),
        ]
        count = options.batch * options.tokens
        case = f"{network.count_params():,} parameters, {options.batch} × {options.tokens} tokens"
        return compare(case, sides, rows=count, rounds=options.rounds)


class Ours:
    """Greedy texts by a network with its cache.

    Args:
        network: has the protocol of `sparkgen.decoding`.
        prompts: int32 (B, T).
        tokens: of a text.
    """

    def __init__(self, network: Any, prompts: Any, tokens: int) -> None:
        from sparkgen.decoding.loop import Decoder

        self.decoder = Decoder(network)
        self.prompts, self.tokens = prompts, tokens
        self.noise = np.zeros((len(prompts), self.decoder.most), np.float32)

    def __call__(self) -> Any:
        """The tokens, int32 (B, tokens)."""
        from sparkgen.decoding.choice import Choice
        from sparkgen.decoding.texts import Limits

        made = self.decoder.draw(list(self.prompts), self.noise, Choice(0.0), Limits(self.tokens))
        return made[:, : self.tokens]


def make_network() -> Any:
    """The transformer of 804,096 parameters, with random weights."""
    import keras

    from sparkgen.layers.transformer import Form, Transformer

    keras.utils.set_random_seed(0)
    form = Form(
        vocabulary=VOCABULARY,
        context=CONTEXT,
        layers=LAYERS,
        heads=HEADS,
        kv_heads=HEADS,
        width=WIDTH,
        feed_forward=4 * WIDTH,
        head_width=WIDTH // HEADS,
    )
    network = Transformer(form)
    network.build()
    for variable in network.variables:  # no two tokens are almost equally likely
        variable.assign(5.0 * variable if len(variable.shape) == 2 else variable)
    return network


def make_prompts(rows: int, vocabulary: int) -> Any:
    """Random tokens, int32 (rows, PROMPT)."""
    return np.random.default_rng(0).integers(0, vocabulary, (rows, PROMPT)).astype(np.int32)


def without_cache(network: Any, prompts: Any, tokens: int) -> Any:
    """Greedy texts, each token by the logits of its whole window anew: (B, tokens)."""
    from keras import ops

    from sparkgen.decoding.window import beginning

    rows, length = prompts.shape
    text = ops.pad(prompts, [[0, 0], [0, tokens + network.context]])

    def turn(at: Any, text: Any) -> Any:
        begin = beginning(network, at)
        window = ops.slice(text, (0, begin), (rows, network.context))
        logits = ops.slice(network(window), (0, at - begin, 0), (rows, 1, network.vocabulary))
        token = ops.cast(ops.argmax(logits[:, 0], axis=-1), "int32")
        return ops.slice_update(text, (0, at + 1), token[:, None])

    text = ops.fori_loop(length - 1, length + tokens - 1, turn, text)
    return text[:, length : length + tokens]


def read_folder(folder: Path) -> tuple[Any, int]:
    """The network of a folder, and the size of its vocabulary."""
    from sparkgen.datasets.tokenizer import Tokenizer
    from sparkgen.models.discovery import build_model
    from sparkgen.models.pretrained._hugging_face import fill, imported
    from sparkgen.models.pretrained._safetensors import read_tensors

    config = json.loads((folder / "config.json").read_text())
    tokenizer = Tokenizer((folder / "tokenizer.json").read_text())
    found = imported(config, tokenizer, read_tensors((folder / "model.safetensors").read_bytes()))
    model: Any = build_model(found.name, found.options, found.spec)
    fill(model, found.weights)
    return model.network, tokenizer.size


def write_gpt2(folder: Path) -> Path:
    """Writes a GPT-2 with random weights into a folder."""
    width, random = WIDTH, np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (VOCABULARY, width),
        "wpe.weight": (LONG_CONTEXT, width),
    }
    for i in range(LAYERS):
        for name, outputs, inputs in (
            ("attn.c_attn", 3 * width, width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", 4 * width, width),
            ("mlp.c_proj", width, 4 * width),
        ):
            shapes |= {f"h.{i}.{name}.weight": (inputs, outputs), f"h.{i}.{name}.bias": (outputs,)}
        for name in ("ln_1", "ln_2"):
            shapes |= {f"h.{i}.{name}.weight": (width,), f"h.{i}.{name}.bias": (width,)}
    shapes |= {"ln_f.weight": (width,), "ln_f.bias": (width,)}
    entries, data = {}, b""
    for name, shape in shapes.items():
        values = 0.1 * random.normal(size=shape) + (".ln" in f".{name}" and "weight" in name)
        numbers = values.astype("<f4").tobytes()
        at = [len(data), len(data) + len(numbers)]
        entries[f"transformer.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": at}
        data += numbers
    header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    whole = len(header).to_bytes(8, "little") + header + data
    (folder / "model.safetensors").write_bytes(whole)
    config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": WIDTH}
    config |= {"n_layer": LAYERS, "n_head": HEADS, "n_positions": LONG_CONTEXT}
    config |= {"vocab_size": VOCABULARY, "layer_norm_epsilon": 1e-5, "n_inner": None}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(characters().to_str())
    return folder


def characters() -> Any:
    """A tokenizer with as many characters as the network has tokens."""
    import tokenizers

    vocabulary = {chr(ord("0") + number): number for number in range(VOCABULARY)}
    return tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))


def same(ours: Any, theirs: Any, name: str) -> None:
    """Refuses to time sides that do not the same work."""
    agree = float(np.mean(ours == theirs))
    if agree < 1:
        raise SystemExit(f"only {agree:.1%} of the tokens are those of {name}")


def waited(make: Any) -> None:
    """Returns when the tokens are there."""
    make()


if __name__ == "__main__":
    main()
