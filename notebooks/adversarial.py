# Databricks notebook source
# MAGIC %md
# MAGIC # Adversarial: a forger and a judge
# MAGIC
# MAGIC A generator *G* turns noise into pictures, a discriminator *D* says how likely a picture is to
# MAGIC be real, and each learns from the other (Goodfellow et al., "Generative Adversarial Networks",
# MAGIC 2014):
# MAGIC
# MAGIC $$\max_D \; \mathbb{E}_x \log D(x) + \mathbb{E}_z \log (1 - D(G(z))), \qquad
# MAGIC \max_G \; \mathbb{E}_z \log D(G(z))$$
# MAGIC
# MAGIC No pixel is ever compared with a pixel: the picture only has to pass. So samples are sharp, but
# MAGIC there is no likelihood to measure, and the losses say little; one has to look. DCGAN (Radford
# MAGIC et al., 2015) is the form with convolutions that made it work on pictures.
# MAGIC
# MAGIC Widgets, or the environment variables `SPARKGEN_ROOT`, `SPARKGEN_SET` and so on, work as in
# MAGIC `quickstart`.

# COMMAND ----------

# MAGIC %pip install -q -r ../conf/locks/databricks.txt ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

import numpy as np

from sparkgen.config.request import DatasetRequest
from sparkgen.noise import row_noise
from sparkgen.notebook import Notebook, challenger, rows
from sparkgen.pipeline import evaluate, ingest, train
from sparkgen.pipeline.session import spark_session
from sparkgen.drawing.grids import image_grid

book = Notebook("adversarial", globals(), experiment="dcgan_digits")
experiment = book.request(None, "training.epochs=150")
spark = spark_session(experiment.environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC Both networks have an optimizer of their own and take turns. Where *D* cannot tell at all, its
# MAGIC loss is 2 log 2 = 1.39 and that of *G* is log 2 = 0.69; far from there, one side is winning.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=experiment.dataset, environment=experiment.environment), spark)
book.show(train.run(experiment, spark)["metrics"])
model = challenger(experiment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Samples
# MAGIC Forty latents, in the order in which they were drawn: none is picked.

# COMMAND ----------

drawn = np.asarray(model.generate(row_noise(model.noise, range(40), seed=0)))
book.picture("samples", image_grid, drawn, columns=10, title="samples")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Made up, or remembered?
# MAGIC The evaluation looks for the nearest training picture of each of 500 samples. `memorised` is
# MAGIC the share of samples that are nearly one; the nearest distance of samples should be about
# MAGIC that of held-out digits. In the picture: samples, and under each the nearest training digit.

# COMMAND ----------

book.show(evaluate.run(experiment, spark)["metrics"])
seen = rows(experiment, split="train", limit=5000)["image"]
distance = np.square(drawn[:10, None] - seen[None]).sum(axis=(2, 3, 4))
panel = np.concatenate([drawn[:10], seen[distance.argmin(axis=1)]])
title = "samples, and the nearest training digits"
book.picture("nearest", image_grid, panel, columns=10, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Between two latents
# MAGIC Gaussian latents of 64 entries all lie about √64 from the middle, so the way between two goes
# MAGIC along the circle through both, where the generator has seen latents. Each row is one way.

# COMMAND ----------

start, end = np.split(row_noise(model.noise, range(10), seed=1)[:, None], 2)
angle = np.linspace(0, np.pi / 2, 10, dtype=np.float32)[:, None]
way = np.cos(angle) * start + np.sin(angle) * end
drawn = model.generate(way.reshape(-1, *model.noise.shape))
book.picture("interpolation", image_grid, drawn, columns=10, title="from latent to latent")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Asking for a digit
# MAGIC In an auxiliary-classifier network (Odena et al., 2017) the generator is given the class, and
# MAGIC the discriminator also has to name it. Each row is one latent, each column one class.

# COMMAND ----------

conditional = book.request("acgan_digits")
book.show(train.run(conditional, spark)["metrics"])
model = challenger(conditional)
latents = np.repeat(row_noise(model.noise, range(5), seed=0), 10, axis=0)
drawn = model.generate(latents, {"label": np.tile(np.arange(10, dtype=np.int32), 5)})
book.picture("by_class", image_grid, drawn, columns=10, title="a row a latent, a column a class")
