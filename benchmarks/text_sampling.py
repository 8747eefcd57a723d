"""Tokens a second out of a transformer: with a cache, without one, and by the reference implementation.

python -m benchmarks.text_sampling [--folder FOLDER] [--tokens N] [--batch ROWS] [--rounds N] [--quick]

All sides continue the same prompts greedily with the same weights on the same cores. The loop without a
cache computes the logits of its whole window for each token; both are compiled. The reference is `generate`
of Hugging Face's transformers, which runs in an environment of its own, never in sparkgen's:
SPARKGEN_REFERENCE_PYTHON names the Python with torch and transformers, without which that side is left out.
It is told the tokens as the other sides are, and all tokens of all sides are compared.

--folder is a network as Hugging Face's folders have it; without it, a GPT-2 of 804,096 parameters and, for
the reference, the biases that it cannot do without, all zero.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Side, compare, report

REFERENCE = "SPARKGEN_REFERENCE_PYTHON"
TINY = {"layers": 4, "heads": 4, "width": 128, "context": 512, "vocabulary": 65}
PROMPT = 16
"""Tokens of a prompt."""
SCRIPT = '''
import json, sys, time, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
prompts, tokens = json.loads(sys.stdin.readline())
ids = torch.tensor(prompts)
for _ in sys.stdin:
    start = time.perf_counter()
    with torch.inference_mode():
        made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens,
                              min_new_tokens=tokens, do_sample=False, pad_token_id=0, eos_token_id=None)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, made[:, ids.shape[1]:].tolist()]), flush=True)
'''


def main() -> None:
    """Runs the comparison."""
