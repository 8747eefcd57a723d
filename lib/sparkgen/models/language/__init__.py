"""Language models give each token of a text a distribution that depends on the tokens before it.

In come prompts as texts, and one uniform number for each token to draw. Out come the tokens that follow
each prompt, int32 (B, L), which the record `TextRecord` makes texts of. The loss is the mean of
-log p(token) in nats.

    _base.py         the loss, the likelihood, and the options of `generate`
    _prompts.py      prompts and stop sequences as tokens
    transformer.py   attention (`layers.transformer`)
    lstm.py          recurrent layers (`layers.lstm`)
    ngram.py         counts, with Kneser-Ney smoothing (`layers.count_tables`)
    pretrained.py    a GPT-2 or Llama that others trained, as a part

    question_answering.py   finds answers in texts, by a part

What people do with texts is here too. These models take texts and give texts:

    text_classifier.py   gives them back with the class that it finds
    text_attack.py       changes them a little, so that a classifier errs (`_attack.py`)
    corrector.py         mends misspelt words (`_channel.py`, `_words.py`, `_characters.py`)

    _spelling.py         the edits between a word and many others, which the last two need
    _misspelling.py      misspelt words, to see whether they are mended

Read `_base.py` first, then `sparkgen.decoding`.
"""
