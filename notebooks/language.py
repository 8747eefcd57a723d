# Databricks notebook source
# MAGIC %md
# MAGIC # Language: one token after the other
# MAGIC
# MAGIC A text is a sequence of tokens, here of characters, and its probability the product
# MAGIC
# MAGIC $$p(x) = \prod_t p(x_t \mid x_1, \dots, x_{t-1}).$$
# MAGIC
# MAGIC N-grams take the factors from counts of what followed the last few tokens (Kneser and Ney, 1995), a
# MAGIC transformer computes them from all tokens before (Vaswani et al., 2017). The texts are the descriptions
# MAGIC of scikit-learn's data sets, which come with the program; `transformer_shakespeare` learns plays.
# MAGIC
# MAGIC Widgets, or the environment variables `SPARKGEN_ROOT`, `SPARKGEN_SET` and so on, work as in
# MAGIC `quickstart`.

# COMMAND ----------

# MAGIC %pip install -q -r ../conf/locks/databricks.txt ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

import keras
import numpy as np
import pandas as pd

from sparkgen.config.request import DatasetRequest
from sparkgen.drawing.charts import attention_maps, next_tokens
from sparkgen.noise import row_noise
from sparkgen.notebook import Notebook, challenger
from sparkgen.pipeline import evaluate, ingest, train
from sparkgen.pipeline.session import spark_session

book = Notebook("language", globals(), experiment="transformer_descriptions")
requests = {
    "n-grams": book.request("ngram_descriptions", "evaluation.samples=0"),
    "transformer": book.request(None, "evaluation.samples=0"),
}
first = requests["transformer"]
spark = spark_session(first.environment)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train and measure
# MAGIC Nats a token depend on what a token is. Bits a byte do not: they compare characters, words and pairs of
# MAGIC bytes. `perplexity` is $e$ to the nats a token: among how many tokens the model is in doubt.

# COMMAND ----------

ingest.run(DatasetRequest(dataset=first.dataset, environment=first.environment), spark)
figures = {}
for name, experiment in requests.items():
    train.run(experiment, spark)
    figures[name] = evaluate.run(experiment, spark)["metrics"]
models = {name: challenger(experiment) for name, experiment in requests.items()}
table = pd.DataFrame(figures).T[["nats_per_token", "perplexity", "bits_per_byte"]]
book.show(table.round(3).to_string())

# COMMAND ----------

# MAGIC %md
# MAGIC ## The next token
# MAGIC Logits divided by a temperature, then made probabilities: a low one leaves the likeliest token alone, a
# MAGIC high one makes all alike.

# COMMAND ----------

model = models["transformer"]
beginning = "This data set "
tokens = model.tokenizer.encode(beginning)
logits = np.asarray(model.logits(tokens[None], {}))[0, -1]
likeliest = np.argsort(-logits)[:12]
temperatures = {
    f"T = {t:g}": np.asarray(keras.ops.softmax(logits / t))[likeliest]
    for t in (0.01, 0.25, 0.5, 1, 1.5)
}
names = [repr(model.tokenizer.decode([token])) for token in likeliest]
title = f"the token after {beginning!r}"
book.picture("next_tokens", next_tokens, names, temperatures, title=title)

# COMMAND ----------

# MAGIC %md
# MAGIC ## One text at five temperatures
# MAGIC The random numbers are the same for all: the number of token $t$ of sample $i$ is a function of
# MAGIC $(\mathrm{seed}, i, t)$. Without chance the text repeats itself, with too much of it words fall apart.

# COMMAND ----------

noise = row_noise(model.noise, [0], seed=0)
for t in (0.01, 0.25, 0.5, 1.0, 1.5):
    made = model.generate(
        noise, {"prompt": [beginning]}, temperature=t, max_tokens=120, with_prompt=True
    )
    book.show(f"T = {t:g}: {model.makes.to_stored(np.asarray(made))[0]}\n")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What tokens look at
# MAGIC Row $t$ of a map shows how much the token $t$ takes of each token before it. Some heads of a trained
# MAGIC network look at the last token, some at spaces, some far back.

# COMMAND ----------

seen = model.network.shares(tokens[None])[0]
letters = [repr(model.tokenizer.decode([token]))[1:-1] for token in tokens]
title = "attention of the first layer"
book.picture("attention", attention_maps, np.asarray(seen)[0], letters, title=title)
