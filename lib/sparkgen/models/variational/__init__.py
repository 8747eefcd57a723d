"""Variational models: encoder-decoders that maximise a lower bound of log p(x).

In come images (B, H, W, C) in [0, 1], and labels (B,) where a model is conditional. Out go latents
(B, Z) and images in [0, 1]. The loss is the negative bound, in nats, with terms of the training added.

    _base.py    the bound as a likelihood, the scale of the pixels
    vae.py      Gaussian latents
    vq_vae.py   a grid of codes, with an autoregressive prior

Read `vae.py` first. A new model writes `encode`, `decode` and `loss_terms`, with `elbo` among them.
"""
