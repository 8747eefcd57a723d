"""Adversarial models: a generator maps latents to images, a discriminator tells them from real ones.

In come latents (B, Z), and labels (B,) where a model is conditional. Out go images (B, H, W, C) in
[0, 1]. There are two loss terms, `discriminator` and `generator`, with an optimizer each. Neither says
how good the samples are.

    _base.py     losses, updates in turn, options of convolutional networks
    gan.py       dense networks
    dcgan.py     convolutional networks
    acgan.py     the discriminator also tells the class
    wgan_gp.py   a critic with a gradient penalty in place of the discriminator

Read `_base.py` first. A new model makes its two networks with `sparkgen.layers.adversarial`, and where
its losses differ, has its own `discriminator_terms` and `generator_terms`.
"""
