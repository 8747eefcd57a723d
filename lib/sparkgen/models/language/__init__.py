"""Language models give each token of a text a distribution that depends on the tokens before it.

In come prompts as texts, and one uniform number for each token to draw. Out come the tokens that follow
each prompt, int32 (B, L), which the record `TextRecord` makes texts of. The loss is the mean of
-log p(token) in nats.

    _base.py         the loss, the likelihood, prompts and the options of `generate`
    transformer.py   attention (`layers.transformer`)
    lstm.py          recurrent layers (`layers.lstm`)
    ngram.py         counts, with Kneser-Ney smoothing (`layers.count_tables`)

Read `_base.py` first, then `sparkgen.decoding`.
"""
