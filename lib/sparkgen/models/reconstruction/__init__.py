"""Autoencoders: an encoder maps an image to a latent, a decoder maps the latent back to the image.

In come images (B, H, W, C) in [0, 1]. Out go latents (B, Z) and reconstructions (B, H, W, C). The loss
is the mean squared error. New images come from a density that is fitted on the latents of the training
rows.

    _base.py                     loss, encode, decode
    linear_autoencoder.py        finds the space of the principal components
    dense_autoencoder.py         one layer each way
    large_dense_autoencoder.py   one wide layer each way
    tanh_autoencoder.py          a latent of two numbers
    conv_autoencoder.py          convolutions
    denoising_autoencoder.py     restores damaged pictures, and fills in missing pixels

Read `linear_autoencoder.py` first. A new autoencoder is a list of layers each way, given to
`_base.Autoencoder`.
"""
