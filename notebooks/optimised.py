# Databricks notebook source
# MAGIC %md
# MAGIC # Optimised images: up the gradient by the pixels
# MAGIC
# MAGIC Most of these models stand on others, their parts, and learn nothing themselves. Their pictures are
# MAGIC the results of an optimisation, for which the weights of the part stay as they are and the pixels
# MAGIC change. A patch and enhancement, further below, do learn. Activation maximisation (Erhan et al., 2009)
# MAGIC asks a classifier for the picture $x$ that it is surest of,
# MAGIC
# MAGIC $$\max_x \; l_y - (1 - a) \log \sum_{j \ne y} e^{l_j} - a \, \mathrm{mean}_{j \ne y} \, l_j
# MAGIC - w \, \mathrm{TV}(x) - u \sum x,$$
# MAGIC
# MAGIC where $l$ are the logits of $T x$, and $a$ is the option `all_rivals`: for $a = 0$ the first terms are
# MAGIC the log-odds $\log p(y | T x) / (1 - p(y | T x))$, with more of it the picture is told from every other
# MAGIC class, not only from the likeliest one. The total variation TV keeps
# MAGIC neighbouring pixels alike (Mahendran and Vedaldi, 2015), the last term lights no pixel without need, and
# MAGIC $T$ moves, turns and enlarges the picture a little in each step, and turns it against the class by one
# MAGIC step of an attack.
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
from sklearn.datasets import load_sample_image

from sparkgen.config.request import DatasetRequest
from sparkgen.drawing.grids import image_grid, pair_grid
from sparkgen.noise import row_noise
from sparkgen.notebook import Notebook, challenger, rows
from sparkgen.pipeline import evaluate, ingest, promote, train
from sparkgen.pipeline.session import spark_session

book = Notebook("optimised", globals(), experiment="activation_maximisation_digits")
experiment = book.request()
part = book.request(experiment.model.parts["classifier"])
stands_on = f"model.parts.classifier={part.name}"
spark = spark_session(experiment.environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The part
# MAGIC A classifier, which becomes champion where it passes its gates.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=part.dataset, environment=part.environment), spark)
train.run(part, spark)
book.show({**evaluate.run(part, spark)["metrics"], **promote.run(part, spark)})

# COMMAND ----------

# MAGIC %md
# MAGIC ## The model that stands on it
# MAGIC `train` has nothing to train: it takes the champion's weights into the model's own, and registers
# MAGIC the model. From now on that version needs no other.

# COMMAND ----------

book.show(train.run(experiment, spark))
model = challenger(experiment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it takes a class to look like
# MAGIC First the gradient alone, then with what keeps neighbours alike and pixels dark, then with $T$ as well;
# MAGIC and how sure the classifier is of each picture. It is sure of all of them, also of those that are hardly
# MAGIC digits: it knows what tells classes apart, not what a digit is.

# COMMAND ----------

labels = np.arange(len(experiment.dataset.class_names), dtype=np.int32)
noise = row_noise(model.noise, labels.tolist(), seed=0)
still = {name: 0.0 for name in ("moves", "turns", "zoom", "attack")}
ways = {
    "the gradient alone": {**still, "total_variation": 0.0, "darkness": 0.0},
    "priors": still,
    "priors and T": {},
}
own = experiment.sampling.options
dreams = {
    way: model.generate(noise, {"label": labels}, **{**own, **options})
    for way, options in ways.items()
}
title = f"pictures of each class; by row: {', '.join(dreams)}"
panel = np.concatenate([np.asarray(x) for x in dreams.values()])
book.picture("dreams", image_grid, panel, columns=len(labels), title=title)
classifier = model.parts["classifier"]
certain = {
    way: np.asarray(classifier.probabilities(x))[labels, labels] for way, x in dreams.items()
}
book.show(pd.DataFrame(certain, index=experiment.dataset.class_names).T.round(3).to_string())

# COMMAND ----------

# MAGIC %md
# MAGIC ## What a filter looks for
# MAGIC The same ascent, on the mean answer of each filter of a layer. Where `package:efficientnet-lite0` is the
# MAGIC part (`filter_visualisation_pretrained`), the layers are those of a network of photographs.

# COMMAND ----------

filters = book.request(
    "filter_visualisation_digits", f"model.parts.network={experiment.model.parts['classifier']}"
)
train.run(filters, spark)
seen = challenger(filters)
numbers = np.arange(seen.given["filter"].choices, dtype=np.int32)
patterns = seen.generate(
    row_noise(seen.noise, numbers.tolist(), seed=0),
    {"filter": numbers},
    **filters.sampling.options,
)
title = f"the pattern that each filter of {seen.layer} answers to"
book.picture("filters", image_grid, patterns, columns=16, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Pictures that it is wrong about
# MAGIC `adversarial_examples` looks for the worst picture nowhere further than $\epsilon$ from a given one,
# MAGIC $\max_{|d| \le \epsilon} -\log p(y | x + d)$, by projected gradient ascent. Its accuracies are those of
# MAGIC the classifier: on the digits as they are, after one step (FGSM), and under the whole attack.

# COMMAND ----------

attacks = book.request("adversarial_examples_digits", stands_on)
train.run(attacks, spark)
book.show(evaluate.run(attacks, spark)["metrics"])
attack, held_out = challenger(attacks), rows(attacks, limit=20)
noise, given = (
    row_noise(attack.noise, range(20), seed=0),
    {k: held_out[k] for k in ("image", "label")},
)
worst = attack.generate(noise, given)
title = "held-out digits, and below each what the classifier is wrong about"
book.picture("adversarial_examples", pair_grid, held_out["image"], worst, title=title)
figures = {name: np.asarray(v).round(2) for name, v in attack.figures_of(worst, given).items()}
book.show(pd.DataFrame({"label": held_out["label"], **figures}).T.to_string())

# COMMAND ----------

# MAGIC %md
# MAGIC ## A patch that is an 8 wherever it lies
# MAGIC `adversarial_patch` does learn: the pixels of one small square, over all training digits and random
# MAGIC places, while the classifier stays as it is (Brown et al., 2017). `success` is the share of held-out
# MAGIC digits of other classes that the classifier then takes for an 8.

# COMMAND ----------

patches = book.request("adversarial_patch_digits", stands_on)
train.run(patches, spark)
book.show(evaluate.run(patches, spark)["metrics"])
patch = challenger(patches)
covered = patch.generate(row_noise(patch.noise, range(20), seed=0), {"image": held_out["image"]})
title = "held-out digits, and below each the same with the patch"
book.picture("adversarial_patch", pair_grid, held_out["image"], covered, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Enhancement
# MAGIC This model learns: what lacks in a picture that bicubic interpolation enlarged (Shi et al., 2016). A
# MAGIC row each: parts of photographs; their halves, enlarged by bicubic interpolation; and by the model.

# COMMAND ----------

enhancement = book.request("enhancement_photographs")
ingest.run(DatasetRequest(dataset=enhancement.dataset, environment=enhancement.environment), spark)
book.show(train.run(enhancement, spark)["metrics"])
model = challenger(enhancement)
x = rows(enhancement, limit=8)["image"]
low = model.lowered(x)
panel = np.concatenate([x, model.interpolated(low), model.enlarge(low)])
title = "parts of photographs; halved and enlarged by bicubic interpolation; by the model"
book.picture("enhanced", image_grid, panel, columns=len(x), title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## DeepDream
# MAGIC Gradient ascent on a whole layer of a network trained on photographs, at several sizes of the picture
# MAGIC (Mordvintsev et al., 2015): early layers give strokes, late ones parts of animals.

# COMMAND ----------

dreams = book.request("deep_dream_photographs")
train.run(dreams, spark)
dream = challenger(dreams)
given = {"picture": dream.given["picture"].record.to_model(load_sample_image("flower.jpg"))[None]}
dreamt = dream.generate(row_noise(dream.noise, [0], seed=0), given)
book.show({name: float(v[0]) for name, v in dream.figures_of(dreamt, given).items()})
title = "a photograph, and what the network sees in it"
book.picture("deep_dream", pair_grid, given["picture"], dreamt, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Style transfer
# MAGIC Steps on the pixels bring what layers answer near to that of one picture, and the means and
# MAGIC covariances of what others answer near to those of a second one (Gatys et al., 2016).

# COMMAND ----------

paintings = book.request("style_transfer_photographs")
train.run(paintings, spark)
painter = challenger(paintings)
given["style"], given["picture"] = (
    given["picture"],
    dream.given["picture"].record.to_model(load_sample_image("china.jpg"))[None],
)
painted = painter.generate(row_noise(painter.noise, [0], seed=0), given, size=320, steps=40)
book.show({name: float(v[0]) for name, v in painter.figures_of(painted, given).items()})
title = "a photograph of a temple, and the temple in the manner of the flower"
book.picture("style_transfer", pair_grid, given["picture"], painted, title=title)
