"""Log-densities and divergences are pure functions here, in nats.

Shape suffixes: B rows, K importance samples, Z latent entries. The functions work entry by entry;
whoever calls them sums over the entries of a row.
"""

import math
from typing import Any

from keras import ops

Tensor = Any

LOG_2_PI = math.log(2.0 * math.pi)


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """A draw of N(mean, exp(log_variance)) as a function of standard normal noise.

    Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, section 2.4.
    """
    return mean + ops.exp(0.5 * log_variance) * noise


def normal_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) ‖ N(0, 1)) of every entry (Kingma and Welling, appendix B)."""
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance)


def normal_log_density(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log N(x; mean, exp(log_variance)) of every entry."""
    return -0.5 * (LOG_2_PI + log_variance + ops.square(x - mean) * ops.exp(-log_variance))


def bernoulli_log_probability(x: Tensor, logits: Tensor) -> Tensor:
    """The log-probability x log p + (1 - x) log(1 - p) of every entry, p = sigmoid(logits).

    `x` lies in [0, 1]; between 0 and 1 it is a probability, and the value minus a cross-entropy.
    """
    return x * logits - ops.softplus(logits)


def logistic_log_probability(
    x: Tensor, mean: Tensor, log_scale: Tensor, *, levels: int = 256
) -> Tensor:
    """The log-probability of a level under a logistic cut into `levels` bins.

    The outermost bins reach to infinity, so the levels' probabilities sum to 1. Salimans et al.,
    "PixelCNN++", 2017, section 2.1.

    Args:
        x: pixels, level / (levels - 1), range [0, 1].
        mean: of the logistic, in the pixels' unit.
        log_scale: natural logarithm of its scale, in the pixels' unit.
        levels: of a pixel.
    """
    half_bin = 0.5 / (levels - 1)
    upper = (x - mean + half_bin) * ops.exp(-log_scale)
    lower = (x - mean - half_bin) * ops.exp(-log_scale)
    # log(σ(u) - σ(l)) = log(1 - exp(l - u)) - softplus(-u) - softplus(l): no difference of numbers
    # that round to 1, so the tails keep their gradient.
    inner = ops.log1p(-ops.exp(lower - upper)) - ops.softplus(-upper) - ops.softplus(lower)
    below_top = ops.where(x > 1.0 - half_bin, -ops.softplus(lower), inner)
    return ops.where(x < half_bin, -ops.softplus(-upper), below_top)


def importance_bound(log_weights_BK: Tensor) -> Tensor:
    """Log (1/K Σ exp(log_weights)) of every row: (B,).

    With log_weights = log p(x, z_k) - log q(z_k | x) it is a lower bound of log p(x) in expectation,
    which grows with K (Burda et al., "Importance Weighted Autoencoders", 2016, theorem 1).
    """
    return ops.logsumexp(log_weights_BK, axis=1) - math.log(log_weights_BK.shape[1])
