"""Autoregressive models and other models of discrete pixels, which give images an exact probability.

In comes uniform noise, for most models (B, H, W, C), one number for each pixel. Out go images in
[0, 1] whose pixels are levels. The loss is -log p(x) in nats.

    _base.py         pixels as levels, the loss, the likelihood
    _sequential.py   models whose pixels depend on those before them; they also fill in missing pixels
    made.py, pixel_cnn.py, gated_pixel_cnn.py, pixel_rnn.py    are sequential
    naive_bayes.py, mixture_of_bernoullis.py                   are counted

Read `_base.py` first, then `made.py`. A new network of masked convolutions is a `RasterModel`: it writes
`logits`, and `start`, `begin_row` and `at_pixel` for drawing. A new counted model declares
`learns = "counting"` and writes `statistics` and `fit_statistics`: see `models/counted.py`.
"""
