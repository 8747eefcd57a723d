"""Texts by `generate` of Hugging Face's transformers, in an environment of its own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

SCRIPT = """
import json, sys, time, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
prompts, tokens = json.loads(sys.stdin.readline())
ids = torch.tensor(prompts)
for _ in sys.stdin:
    start = time.perf_counter()
    with torch.inference_mode():
        made = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
            pad_token_id=0, eos_token_id=None,
        )
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, made[:, ids.shape[1]:].tolist()]), flush=True)
"""


class Reference:
    """The reference implementation in a process of its own.

    Args:
        python: that has it.
        folder: of the network.
        prompts: int32 (B, T).
        tokens: of a text.
    """

    def __init__(self, python: str, folder: Path, prompts: Any, tokens: int) -> None:
        # The Python's own packages are meant, not those of this environment.
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [python, "-c", SCRIPT, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=clean,
        )
        self._write(json.dumps([prompts.tolist(), tokens]))

    def __enter__(self) -> "Reference":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def __call__(self) -> tuple[float, Any]:
        """The seconds of a round, and the tokens."""
        self._write("")
        assert self.process.stdout is not None
        if not (line := self.process.stdout.readline()):
            raise SystemExit(f"the reference failed: run {self.process.args!r}")
        seconds, tokens = json.loads(line)
        return seconds, np.array(tokens)

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
