# Databricks notebook source
# MAGIC %md
# MAGIC # Autoregressive: one pixel after another
# MAGIC
# MAGIC Any distribution of pictures is a product of conditionals, pixel by pixel in reading order:
# MAGIC
# MAGIC $$\log p(x) = \sum_t \log p(x_t | x_1, \dots, x_{t-1})$$
# MAGIC
# MAGIC A network gives all the factors in one pass; masks keep each from seeing its own pixel or later
# MAGIC ones. So the likelihood is exact: no bound, no sampling, models can be ranked by one number.
# MAGIC A new picture takes one draw a pixel. Three models, from blind to far-sighted:
# MAGIC
# MAGIC - **Naive Bayes** is told nothing of other pixels, only the class, and sums over classes.
# MAGIC - **MADE** (Germain et al., 2015) is a masked dense network: each pixel sees all before it.
# MAGIC - **PixelCNN** (van den Oord et al., "Pixel Recurrent Neural Networks", 2016) has masked
# MAGIC   convolutions: what it learns about a stroke holds everywhere in the picture.
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
from sparkgen.layers.levels import level_log_probability, nearest_level
from sparkgen.notebook import Notebook, challenger, nats, rows
from sparkgen.pipeline import evaluate, ingest, train
from sparkgen.pipeline.session import spark_session
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.drawing.grids import image_grid

book = Notebook("autoregressive", globals(), experiment="pixel_cnn_digits")
grey = ("evaluation.samples=0", "model.options.binarisation=none", "model.options.levels=17")
requests = {
    "Naive Bayes": book.request("naive_bayes_digits", *grey),
    "MADE": book.request("made_digits", *grey, "model.options.hidden=[128]", "training.epochs=20"),
    "PixelCNN": book.request(None, *grey),
}
spark = spark_session(requests["PixelCNN"].environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train and measure
# MAGIC All three see the digits' own 17 grey levels, so their figures answer the same question: the
# MAGIC nats of a held-out picture, lower is better, and the same in bits a pixel. Naive Bayes is
# MAGIC counted by Spark, the networks learn by gradients.

# COMMAND ----------

first = requests["PixelCNN"]
ingest.run(DatasetRequest(dataset=first.dataset, environment=first.environment), spark)
figures = {}
for name, experiment in requests.items():
    train.run(experiment, spark)
    figures[name] = evaluate.run(experiment, spark)["metrics"]
models = {name: challenger(experiment) for name, experiment in requests.items()}
table = pd.DataFrame(figures).T[["exact_nats", "exact_bits_per_dim"]]
book.show(table.round(3).to_string())

# COMMAND ----------

# MAGIC %md
# MAGIC ## Samples
# MAGIC A row of twelve from each. Pixels that do not see each other scatter about the class's mean; a
# MAGIC model that sees the stroke so far goes on with it.

# COMMAND ----------

recipe = Recipe(seed=0, batch_rows=24, options={})
panel = np.concatenate([generate_rows(m, range(24), {}, recipe).data for m in models.values()])
title = "two rows each: Naive Bayes, MADE, PixelCNN"
book.picture("samples", image_grid, panel, columns=12, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What Naive Bayes knows
# MAGIC All of it: for each class the distribution of each pixel, shown by its mean.

# COMMAND ----------

tables = np.exp(models["Naive Bayes"].log_levels_KTL) @ np.linspace(0, 1, 17)
means = tables.reshape(-1, *models["Naive Bayes"].spec.shape)
book.picture("class_means", image_grid, means, columns=10, title="mean pixels of each class")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Upside down
# MAGIC The same ink, turned by half a circle, is less likely to a model that knows which way up digits
# MAGIC are. `falls` is the share of held-out digits whose likelihood does. Those that stay likely are
# MAGIC the digits one would expect.

# COMMAND ----------

held_out = rows(first)
turned = {**held_out, "image": held_out["image"][:, ::-1, ::-1]}
loss = {n: nats(m, "exact", turned) - nats(m, "exact", held_out) for n, m in models.items()}
by_class = pd.DataFrame({**loss, "digit": held_out["label"]}).groupby("digit").mean()
book.show("nats lost by turning, a mean a digit\n" + by_class.round(1).to_string())
book.show({f"falls, {name}": float((lost > 0).mean()) for name, lost in loss.items()})

order = np.argsort(loss["PixelCNN"])
panel = turned["image"][np.concatenate([order[:12], order[-12:]])]
title = "turned digits that PixelCNN minds least, and most"
book.picture("turned", image_grid, panel, columns=12, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Where a picture surprises
# MAGIC The terms of the sum, pixel by pixel: bright is what PixelCNN did not see coming. The empty margin
# MAGIC is foreseen; within a stroke the exact grey level costs something everywhere, and where a stroke
# MAGIC begins, ends or turns it costs most.

# COMMAND ----------

model, x = models["PixelCNN"], held_out["image"][:12]
surprise = -np.asarray(level_log_probability(nearest_level(x, model.levels), model.logits(x)))
panel = np.concatenate([x, surprise / 5])
title = "held-out digits, and the nats of each pixel (black: 0, white: 5 or more)"
book.picture("surprise", image_grid, panel, columns=12, title=title)
