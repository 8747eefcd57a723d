"""Makes records of tokens from texts.

    files, tables -read-> chunks of texts -count, divide-> splits -learn-> tokenizer -encode-> records

A source gives its texts in chunks of about 1 MiB, cut by the source alone (`chunk.py`). A first pass
counts them, so that the split of each is known (`divide.py`). The tokenizer is then made from the
training split (`learn.py`). A second pass makes tokens of all chunks. Where documents are joined, the
tokens of a split lie one after the other in scratch files, and records are cut from these (`chain.py`);
else each document is a record (`single.py`). What depends on how many tasks there are is only who does
what.
"""
