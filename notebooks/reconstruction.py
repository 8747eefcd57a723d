# Databricks notebook source
# MAGIC %md
# MAGIC # Reconstruction: a picture through a bottleneck and back
# MAGIC
# MAGIC An autoencoder is an encoder *f* and a decoder *g*. It brings a picture back through a latent
# MAGIC *z* that is smaller than the picture, at the least squared error:
# MAGIC
# MAGIC $$\min_{f, g} \; \mathbb{E}_x \, |x - g(f(x))|^2, \qquad z = f(x)$$
# MAGIC
# MAGIC Nobody says what *z* should mean. As it is too small to copy the pixels, it ends up holding
# MAGIC what tells one picture from another. Linear *f* and *g* find the principal components (Baldi
# MAGIC and Hornik, 1989); layers between them bend that plane (Hinton and Salakhutdinov, "Reducing
# MAGIC the Dimensionality of Data with Neural Networks", 2006).
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
from sparkgen.models.latent import add_concept, concept_vector, interpolate, latent_grid
from sparkgen.noise import Stream, row_noise
from sparkgen.notebook import Notebook, challenger, rows
from sparkgen.pipeline import evaluate, ingest, train
from sparkgen.pipeline.session import spark_session
from sparkgen.drawing.charts import latent_map
from sparkgen.drawing.grids import image_grid, pair_grid

book = Notebook("reconstruction", globals(), experiment="tanh_autoencoder_digits")
plane = book.request(None, "training.epochs=150")
denoising = book.request("denoising_autoencoder_digits", "evaluation.samples=0")
spark = spark_session(plane.environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Down to a plane
# MAGIC 64 pixels → 500 tanh → 300 tanh → 2 numbers, and back, on ones, fives and sixes. It never
# MAGIC sees a label.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=plane.dataset, environment=plane.environment), spark)
book.show(train.run(plane, spark)["metrics"])
model = challenger(plane)
seen, held_out = rows(plane, split="train"), rows(plane)

# COMMAND ----------

# MAGIC %md
# MAGIC The map puts every training picture where its two numbers say; the colours come after the
# MAGIC fact. Below it, digits that were held out, as two numbers bring them back.

# COMMAND ----------

latents = np.asarray(model.encode(seen["image"]))
book.picture("plane_map", latent_map, latents, seen["label"], plane.dataset.class_names)
x = held_out["image"][:20]
book.picture("plane_reconstructions", pair_grid, x, model.reconstruct(x))

# COMMAND ----------

# MAGIC %md
# MAGIC The decoder can be asked for any point, also where no picture is: a grid over the middle of
# MAGIC the map shows how one digit turns into another.

# COMMAND ----------

low, high = np.percentile(latents, [5, 95], axis=0)
grid = latent_grid(model, low=tuple(low), high=tuple(high), steps=12)
images = np.reshape(grid, (-1, *model.spec.shape))
book.picture("plane_grid", image_grid, images, columns=12, title="the decoder over the plane")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Damage and repair
# MAGIC A denoising autoencoder is given a damaged picture x̃ and has to bring back the whole one,
# MAGIC $\min |x - g(f(\tilde x))|^2$ (Vincent et al., 2008). Here half of the pixels are set to 0.
# MAGIC It cannot do so without knowing what digits look like. All ten classes, 32 latents.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=denoising.dataset, environment=denoising.environment), spark)
train.run(denoising, spark)
book.show(evaluate.run(denoising, spark)["metrics"])
model, held_out = challenger(denoising), rows(denoising)

# COMMAND ----------

# MAGIC %md
# MAGIC Held-out digits: the original, what the model is given, what it makes of it. First every
# MAGIC pixel is lost with a chance of one half, then all of the lower half is; the repair goes
# MAGIC through the model three times, and known pixels stay.

# COMMAND ----------

order = np.argsort(held_out["label"], kind="stable")
one_of_each = order[np.searchsorted(held_out["label"][order], np.arange(10))]
x, ids = held_out["image"][one_of_each], held_out["id"][one_of_each]
noise = row_noise(model.training_noise["corruption"], ids, seed=0, stream=Stream.EVALUATE)
damaged = np.asarray(model.corrupt(x, noise))
title = "original, half of the pixels lost, restored"
panel = np.concatenate([x, damaged, model.reconstruct(damaged)])
book.picture("denoised", image_grid, panel, columns=10, title=title)

known = np.ones_like(x)
known[:, x.shape[1] // 2 :] = 0
title = "original, lower half lost, filled in"
panel = np.concatenate([x, x * known, model.inpaint(x, known, rounds=3)])
book.picture("inpainted", image_grid, panel, columns=10, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Moving about in the latents
# MAGIC On the straight way from one latent to another the decoder passes from one digit to the
# MAGIC next. And the difference of two mean latents is a direction with a meaning: *bold* is where
# MAGIC the quarter of the digits with the most ink lies, seen from the quarter with the least.

# COMMAND ----------

way = interpolate(model, x[:6], x[[1, 2, 3, 4, 5, 0]], steps=10)
images = np.reshape(way, (-1, *model.spec.shape))
book.picture("interpolation", image_grid, images, columns=10, title="from digit to digit")

seen = rows(denoising, split="train", limit=2000)["image"]
ink = seen.mean(axis=(1, 2, 3))
thin, thick = np.quantile(ink, [0.25, 0.75])
bold = concept_vector(model, seen[ink >= thick], seen[ink <= thin])
strengths = (-2.0, -1.0, 0.0, 1.0, 2.0)
panel = np.concatenate([add_concept(model, x, bold, strength=s) for s in strengths])
title = "bold: taken away above, none in the middle, added below"
book.picture("bold", image_grid, panel, columns=10, title=title)
