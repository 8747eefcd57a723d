"""Optimised images: what the gradient by the pixels of a trained network makes of a picture.

These models stand on others, their parts, and most learn nothing themselves. In comes noise, with what is
given, such as labels. Out come images (B, H, W, C) in [0, 1].

    activation_maximisation.py   images that a classifier is sure of
    filter_visualisation.py      the pattern that each filter of a layer answers to
    adversarial_examples.py      pictures changed so little, and a classifier errs
    adversarial_patch.py         a sticker that turns any picture into one class
    enhancement.py               pictures made larger and sharper, by a network that learns it
    deep_dream.py                photographs in which a network sees more than there was
    style_transfer.py            what one picture shows in the manner of another
    fast_style.py                the same for one manner in a single pass, by a network that learns it

The first two are an `_ascent.py`, gradient ascent from noise. Steps on the input, and the gradients that
they follow, are in `sparkgen.layers`: `optimisation`, `parameterisation`, `jitter`, `gradients`.
"""
