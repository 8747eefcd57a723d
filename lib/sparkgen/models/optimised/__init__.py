"""Optimised images: what the gradient by the pixels of a trained network makes of a picture.

All of these models but enhancement stand on others, their parts. Three learn something themselves: a
patch, what lacks in enlarged pictures, one style. The others learn nothing. In comes noise, with what is
given, such as labels. Out come images (B, H, W, C) in [0, 1].

    activation_maximisation.py   images that a classifier is sure of
    filter_visualisation.py      the pattern that each filter of a layer answers to
    adversarial_examples.py      pictures changed so little, and a classifier errs
    adversarial_patch.py         a sticker that turns any picture into one class
    enhancement.py               pictures made larger and sharper, by a network that learns it
    deep_dream.py                photographs in which a network sees more than there was
    style_transfer.py            what one picture shows in the manner of another
    fast_style.py                the same for one manner in a single pass, by a network that learns it

    _ascent.py                   gradient ascent from noise, which the first two are
    _layers.py                   which layers of a network a request names, and what they answer
    _style.py                    the losses of style transfer, by steps and by a network

Steps on the input, and the gradients that they follow, are in `sparkgen.layers`: `optimisation`,
`parameterisation`, `jitter`, `gradients`.
"""
