"""Computes figures of a model and of its samples, and decides whether it becomes champion.

In come a portable model, a dataset version, and files of samples. Out go `Figure`s, numbers that carry
the protocol they were computed by.

    evaluate         the Spark job over a split: every row once
    measure          what a model says of one batch: terms of the loss, likelihoods, reconstructions
    sample_figures   the Spark job over samples: memorisation, and what a judge sees in them
    probe_figures    Spark jobs that encode rows and fit linear probes: what the latents know of classes
    probes           which probes a request asks for, and what they need
    linear_probe     one probe, its labelled rows, principal components
    text_nats        what a text costs a token, a character, a byte; `strided` by windows
    metrics, distances, manifold, memorisation, judgement   formulas
    figures          what a figure is, and which may be compared
    promotion        gates: whether a challenger becomes champion

Read `evaluate.py` first, then `measure.py`.
"""
