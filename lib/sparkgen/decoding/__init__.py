"""Texts from a network that gives the logits of the next token, whatever network that is.

In come prompts as tokens, uniform noise, settings and limits. Out come the tokens that follow.

    protocol.py   what a network must have: `start`, `prefill`, `step`
    choice.py     the next token: temperature, top-k, top-p, repetition penalty
    loop.py       draws texts, all rows at one position, with the network's state
    beam.py       searches for the most likely texts
    window.py     which positions a state of fixed size holds, and how it moves on
    texts.py      prompts in a buffer, length limits, stop sequences

Read `protocol.py`, then `loop.py`.
"""
