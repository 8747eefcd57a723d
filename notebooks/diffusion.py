# Databricks notebook source
# MAGIC %md
# MAGIC # Diffusion: noise, taken away a little at a time
# MAGIC
# MAGIC A picture *x* is drowned in noise step by step; at time *t* it is
# MAGIC
# MAGIC $$x_t = a_t x + s_t \varepsilon, \qquad \varepsilon \sim N(0, I), \quad a_t^2 + s_t^2 = 1$$
# MAGIC
# MAGIC A network is given $x_t$ and *t*, and learns by a squared error what picture and what noise it
# MAGIC is made of (Ho et al., "Denoising Diffusion Probabilistic Models", 2020). To make a picture,
# MAGIC start with noise alone, and go back: estimate the picture, keep that much noise as belongs to an
# MAGIC earlier time, and estimate again. DDIM (Song et al., 2021) does so without fresh noise and in as
# MAGIC few steps as wanted, so a picture is a function of its first noise.
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
from sparkgen.layers.diffusion import denoised
from sparkgen.models.diffusion.ddpm import Wish
from sparkgen.noise import row_noise
from sparkgen.notebook import Notebook, challenger, rows
from sparkgen.pipeline import evaluate, ingest, train
from sparkgen.pipeline.session import spark_session
from sparkgen.drawing.grids import image_grid

book = Notebook("diffusion", globals(), experiment="ddpm_digits")
changes = ("name=conditional_ddpm", "model.options.conditional=true", "evaluation.samples=200")
experiment = book.request(None, *changes)
spark = spark_session(experiment.environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC A small U-Net that predicts $v = a \varepsilon - s x$. It is given the label too, but for one
# MAGIC row in ten, so that it also learns to do without; guidance, below, needs both.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=experiment.dataset, environment=experiment.environment), spark)
book.show(train.run(experiment, spark)["metrics"])
model, held_out = challenger(experiment), rows(experiment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The way into the noise
# MAGIC Four held-out digits at ten times, evenly from the first to the last.

# COMMAND ----------

x, y = 2 * held_out["image"][:4] - 1, held_out["label"][:4]
epsilon = row_noise(model.noise, held_out["id"][:4], seed=0)
times = np.linspace(0, model.config.steps - 1, 10).round().astype(np.int32)
noised = []
for time in times:
    a, s = (np.asarray(rate) for rate in model.rates(np.full(4, time, np.int32)))
    noised.append(a * x + s * epsilon)
panel = np.stack(noised, axis=1).reshape(-1, *model.spec.shape)
title = f"x_t at t = {', '.join(map(str, times))}"
book.picture("forward", image_grid, (panel + 1) / 2, columns=10, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## One glance
# MAGIC What the network takes the picture to be, from each of these alone. Out of little noise it is
# MAGIC the digit itself; out of nothing but noise it can only be a mean over all digits of the label.
# MAGIC That is why the way back takes several steps.

# COMMAND ----------

glances = []
for time, x_t in zip(times, noised, strict=True):
    at = np.full(4, time, np.int32)
    predicted = model.predict_at(x_t, at.astype(np.float32), Wish(y))
    a, s = model.rates(at)
    glances.append(np.asarray(denoised(model.config.prediction, predicted, x_t, a, s)))
panel = np.stack(glances, axis=1).reshape(-1, *model.spec.shape)
title = "what the network makes of them in one step"
book.picture("one_step", image_grid, (panel + 1) / 2, columns=10, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The way back in 1, 5, 20 and 50 steps
# MAGIC Twenty noises, the digits 0 to 9 twice. A column is the same noise throughout: as no noise is
# MAGIC added on the way, more steps draw the same picture more finely.

# COMMAND ----------

noise = row_noise(model.noise, range(20), seed=0)
labels = np.arange(20, dtype=np.int32) % 10
steps = (1, 5, 20, 50)
panel = np.concatenate([model.generate(noise, {"label": labels}, steps=n) for n in steps])
title = f"a row each: {', '.join(map(str, steps))} steps"
book.picture("steps", image_grid, panel, columns=20, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Guidance
# MAGIC Where a label is given, the step can be exaggerated in its direction (Ho and Salimans,
# MAGIC "Classifier-Free Diffusion Guidance", 2022): $p(x_t) + g \, (p(x_t, y) - p(x_t))$. With *g* = 0
# MAGIC the label is not heard, with 1 it is followed, and with more the digits become cleaner and more
# MAGIC alike.

# COMMAND ----------

guidances = (0.0, 1.0, 3.0)
panel = np.concatenate([model.generate(noise, {"label": labels}, guidance=g) for g in guidances])
title = f"a row each: guidance {', '.join(map(str, guidances))}; labels 0 to 9, twice"
book.picture("guidance", image_grid, panel, columns=20, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Made up, or remembered?
# MAGIC `memorised` is the share of 200 samples that are nearly a training picture; the nearest
# MAGIC distance should be about that of held-out digits.

# COMMAND ----------

book.show(evaluate.run(experiment, spark)["metrics"])
