# Databricks notebook source
# MAGIC %md
# MAGIC # Variational: latents with a distribution
# MAGIC
# MAGIC A variational autoencoder says how a picture comes about: a latent $z \sim N(0, I)$ is drawn,
# MAGIC then a picture from $p(x | z)$. The encoder gives a whole distribution $q(z | x)$ of latents
# MAGIC that may have made the picture, and both learn by raising a lower bound of $\log p(x)$
# MAGIC (Kingma and Welling, "Auto-Encoding Variational Bayes", 2013):
# MAGIC
# MAGIC $$\mathrm{ELBO}(x) = \mathbb{E}_{q(z|x)} \log p(x | z) - \mathrm{KL}(q(z | x) \,\|\, N(0, I))$$
# MAGIC
# MAGIC The first term asks for good reconstructions, the second that the latents of all pictures
# MAGIC together fill the prior without holes, so that a random latent is a picture too.
# MAGIC
# MAGIC Widgets, or the environment variables `SPARKGEN_ROOT`, `SPARKGEN_SET` and so on, work as in
# MAGIC `quickstart`.

# COMMAND ----------

# MAGIC %pip install -q -r ../conf/locks/databricks.txt ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

import numpy as np
import pandas as pd

from sparkgen.config.request import DatasetRequest
from sparkgen.models.latent import latent_grid
from sparkgen.noise import NoiseSpec, row_noise
from sparkgen.notebook import Notebook, challenger, nats, rows
from sparkgen.pipeline import evaluate, ingest, train
from sparkgen.pipeline.session import spark_session
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.drawing.charts import latent_map
from sparkgen.drawing.grids import image_grid, pair_grid

book = Notebook("variational", globals(), experiment="vae_digits")
experiment = book.request(None, "evaluation.samples=0")
spark = spark_session(experiment.environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC Eight latents; the pixels' distribution is a logistic cut into 256 levels.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=experiment.dataset, environment=experiment.environment), spark)
train.run(experiment, spark)
book.show(evaluate.run(experiment, spark)["metrics"])
model, held_out = challenger(experiment), rows(experiment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Reconstructions and samples
# MAGIC Draws of the prior first. Then draws of a mixture of Gaussians that was fitted on the latents
# MAGIC of the training pictures: these do not fill the prior quite evenly, and the mixture knows
# MAGIC where they are.

# COMMAND ----------

x, y = held_out["image"][:20], held_out["label"][:20]
book.picture("reconstructions", pair_grid, x, model.reconstruct(x, {"label": y}))
drawn = model.decode(row_noise(NoiseSpec((model.latent_size,)), range(40), seed=0))
book.picture("prior", image_grid, drawn, columns=10, title="latents of the prior")
drawn = generate_rows(model, range(40), {}, Recipe(seed=0, batch_rows=40, options={})).data
book.picture("mixture", image_grid, drawn, columns=10, title="latents of the fitted mixture")

# COMMAND ----------

# MAGIC %md
# MAGIC ## How far below the likelihood is the bound?
# MAGIC Averaging *k* draws inside the logarithm gives a bound that rises with *k* towards
# MAGIC $\log p(x)$ (Burda et al., "Importance Weighted Autoencoders", 2016):
# MAGIC
# MAGIC $$\log p(x) \ge \mathbb{E} \log \frac{1}{k} \sum_{i=1}^k \frac{p(x, z_i)}{q(z_i | x)}
# MAGIC \ge \mathrm{ELBO}(x)$$
# MAGIC
# MAGIC In nats, of the same held-out pictures; lower is better, as the sign is turned.

# COMMAND ----------

bounds = {"ELBO": nats(model, "elbo", held_out).mean()}
for k in (5, 50, 500):
    bounds[f"IWAE, k = {k}"] = nats(model, "iwae", held_out, samples=k).mean()
book.show(pd.Series(bounds, name="nats").round(2).to_string())

# COMMAND ----------

# MAGIC %md
# MAGIC ## A plane of digits
# MAGIC The same model with two latents, to look at: where the encoder puts held-out pictures, and
# MAGIC what the decoder makes of the square from -2 to 2, which holds nine tenths of the prior.

# COMMAND ----------

plane = book.request(None, "name=vae_plane", "model.options.latent=2", "density.kind=prior")
train.run(plane, spark)
flat = challenger(plane)
latents = np.asarray(flat.encode(held_out["image"], {"label": held_out["label"]}))
book.picture("plane_map", latent_map, latents, held_out["label"], plane.dataset.class_names)
images = np.reshape(latent_grid(flat, low=(-2, -2), high=(2, 2), steps=14), (-1, *flat.spec.shape))
book.picture("plane_grid", image_grid, images, columns=14, title="the decoder from -2 to 2")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Given the label
# MAGIC A conditional model is told which digit it is, $p(x | z, y)$ (Sohn et al., 2015), so the
# MAGIC latent is left with the handwriting. Each row is one latent, each column one label.

# COMMAND ----------

conditional = book.request("conditional_vae_digits")
train.run(conditional, spark)
model = challenger(conditional)
hands = np.repeat(row_noise(model.noise, range(5), seed=0), 10, axis=0)
drawn = model.generate(hands, {"label": np.tile(np.arange(10, dtype=np.int32), 5)})
book.picture("conditional", image_grid, drawn, columns=10, title="a row a latent, a column a label")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Latents that are words
# MAGIC VQ-VAE (van den Oord et al., "Neural Discrete Representation Learning", 2017) writes a picture
# MAGIC as a small grid of codes out of a learned book, and learns by an autoregressive prior which
# MAGIC grids there are. Held-out digits, their 4×4 codes as shades, what comes back; then new ones.

# COMMAND ----------

quantised = book.request("vq_vae_digits")
train.run(quantised, spark)
model, x = challenger(quantised), held_out["image"][:10]
codes = np.asarray(model.quantise(model.encoder(x)).code)
shades = np.kron(codes / (model.config.codes - 1), np.ones([x.shape[1] // codes.shape[1]] * 2))
panel = np.concatenate([x, shades[..., None], model.reconstruct(x)])
book.picture("codes", image_grid, panel, columns=10, title="held out, in codes, brought back")
drawn = generate_rows(model, range(40), {}, Recipe(seed=0, batch_rows=40, options={})).data
book.picture("codes_drawn", image_grid, drawn, columns=10, title="codes of the learned prior")
