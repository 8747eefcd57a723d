"""Diffusion models: a network learns to remove noise, and images come from noise step by step.

In comes noise, that of the image (B, H, W, C) or of every step (B, steps, H, W, C), and labels (B,)
where a model is conditional. A picture with the mask of its known pixels may be given. Out go images
in [0, 1]. The loss is the squared error of the prediction, and that of a smaller network beside it where
there is one for guidance.

    ddpm.py   the one model

The process is in `sparkgen.layers.diffusion`, the network in `sparkgen.layers.unet`: read the former
first.
"""
