"""Layers, networks and formulas that models are made of.

In come tensors and sizes, out go tensors; nothing here knows of datasets, files or models. Functions
are written in `keras.ops`. Random numbers come in as arguments: where a function needs noise, another
one beside it says which (`corruption_noise`, `binarisation_noise`).

    network, batch_norm          layers in sequence; batch normalisation over all workers
    residual                     residual blocks
    labels, resizing             labels given and predicted; halving and enlarging pictures
    activations                  activations by name, as options
    compiled                     functions and loops that run many times
    scaling, tiles, fading_tiles pictures in other sizes; large ones computed part by part
    parameterisation, jitter, variation, optimisation    images that steps on their numbers make
    gradients, attack            gradients by an input; images changed so that a classifier errs
    binarisation, levels         pixels as binary or as discrete levels
    corruption, augmentation     damaged pixels; moved and mirrored images
    distributions, density       log-densities; a density that is fitted on latents
    adversarial                  generators and discriminators
    masked, row_lstm, diagonal_lstm, raster, code_prior   autoregressive networks; `raster` draws
    diffusion, unet              the diffusion process, and its network

Read `network.py` first: it says in which dtype layers compute. Then `distributions.py`. A new layer is a
file here where two families need it; what one family needs alone stays in its folder in
`sparkgen.models`.
"""
