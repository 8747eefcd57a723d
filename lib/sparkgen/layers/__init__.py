"""Layers, networks and formulas that models are made of.

In come tensors and sizes, out go tensors; nothing here knows of datasets, files or models. Functions
are written in `keras.ops`. Random numbers come in as arguments: where a function needs noise, another
one beside it says which (`corruption_noise`, `binarisation_noise`).

| part | files |
| --- | --- |
| any network | network (layers in sequence), batch_norm, compiled (functions and loops), conditioning (labels), resizing (halve and enlarge) |
| adversarial | adversarial |
| autoregressive | masked, row_lstm, diagonal_lstm; raster (draws pixel by pixel); code_prior (codes in place of pixels) |
| diffusion | diffusion (the process), unet (the network) |
| pixels | binarisation, levels (discrete pixels), corruption, augmentation |
| densities | distributions (formulas), density (of latents, fitted after training) |

Read `network.py` first: it says in which dtype layers compute. Then `distributions.py`. A new layer is a
file here where two families need it; what one family needs alone stays in its folder in
`sparkgen.models`.
"""
