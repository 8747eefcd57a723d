"""A density on latents maps standard normal noise to latents, deterministically.

With latent size Z the noise has Z + 1 entries. The first picks the component: u = Φ(n₀) against the
cumulated weights. The others are placed by it: z = μ_k + L_k n. A diagonal or full Gaussian is a
mixture with one component; the prior N(0, I) is the identity.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from sparkgen.layers.distributions import LOG_2_PI
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.noise import NoiseSpec


class LatentDensity(keras.layers.Layer):
    """A Gaussian mixture over flat latents, N(0, I) until it is fitted.

    Args:
        latent_size: Z.
        kind: `prior` (stays N(0, I)), `diagonal`, `full` or `mixture` (full covariances).
        components: Gaussians of the mixture; the other kinds have one.
    """

    def __init__(self, latent_size: int, kind: str = "prior", components: int = 1, **kwargs: Any):
        super().__init__(trainable=False, **KEEPS_DTYPE, **kwargs)
        self.latent_size, self.kind = latent_size, kind
        self.components = components if kind == "mixture" else 1
        self.noise = NoiseSpec((latent_size + 1,))

    def build(self, input_shape: Any = None) -> None:
        k, z = self.components, self.latent_size
        self.weights_K = self.add_weight(shape=(k,), initializer="zeros", name="weights")
        self.means_KZ = self.add_weight(shape=(k, z), initializer="zeros", name="means")
        self.factors_KZZ = self.add_weight(shape=(k, z, z), initializer="zeros", name="factors")
        self.weights_K.assign(np.full(k, 1 / k, np.float32))
        self.factors_KZZ.assign(np.broadcast_to(np.eye(z, dtype=np.float32), (k, z, z)))
        self.built = True

    def fit(self, latents_NZ: npt.NDArray[Any], *, seed: int) -> None:
        """Fits the density by maximum likelihood (a mixture by EM).

        Args:
            latents_NZ: float (N, Z), encoded training rows.
            seed: of the mixture's k-means start.
        """
        if self.kind == "prior":
            return
        from sklearn.mixture import GaussianMixture

        kind = "diag" if self.kind == "diagonal" else "full"
        # The latents of a narrow autoencoder have dead units; 1e-6 is scikit-learn's own floor.
        mixture = GaussianMixture(self.components, covariance_type=kind, random_state=seed)
        mixture.fit(np.asarray(latents_NZ, np.float64))
        covariances = mixture.covariances_
        if kind == "diag":
            covariances = np.stack([np.diag(c) for c in covariances])
        self.weights_K.assign(mixture.weights_.astype(np.float32))
        self.means_KZ.assign(mixture.means_.astype(np.float32))
        self.factors_KZZ.assign(np.linalg.cholesky(covariances).astype(np.float32))

    def call(self, noise: Any) -> Any:
        """Latents (B, Z) from standard normal noise (B, Z + 1)."""
        # A comparison with the cumulated weights, less the last, counts the components passed over.
        uniform_B = 0.5 * (1.0 + ops.erf(noise[:, 0] / np.sqrt(2.0)))
        edges_K = ops.cumsum(self.weights_K)[:-1]
        passed_BK = ops.expand_dims(uniform_B, 1) > ops.expand_dims(edges_K, 0)
        k_B = ops.sum(ops.cast(passed_BK, "int32"), axis=1)
        factors_BZZ = ops.take(self.factors_KZZ, k_B, axis=0)
        placed_BZ = ops.sum(factors_BZZ * ops.expand_dims(noise[:, 1:], 1), axis=2)
        return ops.take(self.means_KZ, k_B, axis=0) + placed_BZ

    def log_density(self, latents_NZ: Any) -> Any:
        """The log-density of latents (N, Z) in nats: float32 (N,)."""
        identities_KZZ = ops.broadcast_to(ops.eye(self.latent_size), self.factors_KZZ.shape)
        inverses_KZZ = ops.solve_triangular(self.factors_KZZ, identities_KZZ, lower=True)
        diagonals_KZ = ops.diagonal(self.factors_KZZ, axis1=1, axis2=2)
        # log w_k - log |L_k|, to which the squares of the standardised latents are added
        offsets_K = ops.log(self.weights_K) - ops.sum(ops.log(diagonals_KZ), axis=1)

        def squares(component: Any) -> Any:  # one at a time: all would be N · K · Z numbers
            inverse_ZZ, mean_Z = component
            return ops.sum(ops.square((latents_NZ - mean_Z) @ ops.transpose(inverse_ZZ)), axis=1)

        squares_KN = ops.map(squares, (inverses_KZZ, self.means_KZ))
        logits_KN = ops.expand_dims(offsets_K, 1) - 0.5 * squares_KN
        return ops.logsumexp(logits_KN, axis=0) - 0.5 * self.latent_size * LOG_2_PI
