# Databricks notebook source
# MAGIC %md
# MAGIC # Discriminative: which class, and nothing else
# MAGIC
# MAGIC A classifier models $p(y | x)$, the class of a picture, and says nothing of how pictures come
# MAGIC about. It maximises the log-probability of the right class,
# MAGIC
# MAGIC $$\max_\theta \; \mathbb{E}_{x, y} \log p_\theta(y | x), \qquad p_\theta(y | x) =
# MAGIC \mathrm{softmax}(W h_\theta(x))_y$$
# MAGIC
# MAGIC Here it has two uses: by its features and verdicts it judges what generative models make, and
# MAGIC turned around, it shows what it takes a class to look like. The features $h$ are those of two
# MAGIC convolutions whose strides halve the picture (LeCun et al., 1998, with relu).
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
from sparkgen.noise import row_noise
from sparkgen.notebook import Notebook, challenger, rows
from sparkgen.pipeline import evaluate, ingest, promote, train
from sparkgen.pipeline.session import spark_session
from sparkgen.drawing.charts import confusion_matrix, latent_map
from sparkgen.drawing.grids import image_grid, prediction_grid

book = Notebook("discriminative", globals(), experiment="conv_classifier_digits")
experiment = book.request(None, "training.epochs=40", "evaluation.samples=0")
class_names = experiment.dataset.class_names
spark = spark_session(experiment.environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train, evaluate, promote
# MAGIC It becomes champion where its accuracy on the held-out digits passes the gate.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=experiment.dataset, environment=experiment.environment), spark)
train.run(experiment, spark)
book.show({**evaluate.run(experiment, spark)["metrics"], **promote.run(experiment, spark)})
model, held_out = challenger(experiment), rows(experiment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it confuses
# MAGIC Every held-out digit counted by its class and the predicted one; then the twenty of whose
# MAGIC class the model is least sure.

# COMMAND ----------

x, y = held_out["image"], held_out["label"]
probabilities = np.asarray(model.probabilities(x))
predicted = probabilities.argmax(axis=1)
counts = np.zeros((len(class_names), len(class_names)), np.int64)
np.add.at(counts, (y, predicted), 1)
title = f"{(predicted == y).mean():.1%} of {len(y)} held-out digits"
book.picture("confusion", confusion_matrix, counts, class_names, title=title)

hardest = np.argsort(probabilities[np.arange(len(y)), y])[:20]
chosen = x[hardest], y[hardest], predicted[hardest]
title = "the least sure of: true class, predicted class"
book.picture("hardest", prediction_grid, *chosen, class_names, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it sees
# MAGIC The features before the last layer, on their two principal axes. Classes lie apart, as the last
# MAGIC layer can only cut space by planes. Distances between samples and real digits in this space are
# MAGIC what KID and FID measure.

# COMMAND ----------

book.picture("features", latent_map, np.asarray(model.features(x)), y, class_names)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it takes a class to look like
# MAGIC From a noisy grey picture up the gradient of $\log p(y | x)$ (Erhan et al., 2009), in the lower
# MAGIC row with total variation as a price, which keeps neighbouring pixels alike (Mahendran and
# MAGIC Vedaldi, 2015). The model is all but certain of the upper ten, and they are hardly digits: it
# MAGIC knows what tells classes apart, not what a digit is. That is what a generative model is for.

# COMMAND ----------

labels = np.arange(len(class_names), dtype=np.int32)
noise = row_noise(model.noise, labels.tolist(), seed=0)
dreams = {w: model.generate(noise, {"label": labels}, total_variation=w) for w in (0.0, 0.02)}
title = f"most probable pictures of each class; total variation {', '.join(map(str, dreams))}"
panel = np.concatenate(list(dreams.values()))
book.picture("dreams", image_grid, panel, columns=len(labels), title=title)
certain = {w: np.asarray(model.probabilities(d))[labels, labels] for w, d in dreams.items()}
book.show(pd.DataFrame(certain, index=class_names).T.round(3).to_string())

# COMMAND ----------

# MAGIC %md
# MAGIC ## The judge at work
# MAGIC The champion judges the samples of two generative models that Spark counts in one pass and a
# MAGIC few: Naive Bayes, which takes pixels for independent given the class, and a mixture of 40 kinds
# MAGIC of digits. `fid` is a distance from held-out digits in the judge's features, lower is better;
# MAGIC `precision` says how real samples are there, `recall` how complete, and `judge_confident` is the
# MAGIC share of samples that it gives one class over 0.9.

# COMMAND ----------

judged = {}
for name in ("naive_bayes_digits", "mixture_of_bernoullis_digits"):
    rival = book.request(name, f"evaluation.judge={experiment.name}", "evaluation.samples=300")
    train.run(rival, spark)
    judged[name] = evaluate.run(rival, spark)["metrics"]
wanted = ["fid", "precision", "recall", "judge_confident", "judge_classes_present"]
book.show(pd.DataFrame(judged).T[wanted].T.round(3).to_string())
