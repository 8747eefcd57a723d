"""Classifiers: they give the class of an image, and features of it.

In training come images (B, H, W, C) in [0, 1] and labels (B,). Out go logits (B, classes) and features
(B, F). `generate` takes noise and labels, and gives images that maximise the probability of the label.

    _base.py                loss, accuracy, augmentation, activation maximisation
    dense_classifier.py     dense layers
    conv_classifier.py      two convolutions
    full_classifier.py      four convolutions, batch normalisation, dropout
    residual_classifier.py  residual blocks with batch normalisation

Read `_base.py` first. A new classifier makes `self.body`, a network from images to features.
"""
