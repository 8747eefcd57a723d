# Databricks notebook source
# MAGIC %md
# MAGIC # From libsvm text to digits nobody wrote
# MAGIC
# MAGIC The steps of the pipeline, one a cell, on scikit-learn's handwritten digits. Widgets choose
# MAGIC the experiment, where results go and any key of the configuration. Outside Databricks the
# MAGIC same names are environment variables: `SPARKGEN_EXPERIMENT`, `SPARKGEN_ENV`,
# MAGIC `SPARKGEN_ROOT`, `SPARKGEN_SET` (`key=value`, several separated by `;`).

# COMMAND ----------

# MAGIC %pip install -q -r ../conf/locks/databricks.txt ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

from sparkgen.notebook import Notebook

book = Notebook("quickstart", globals(), experiment="vae_digits")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Request
# MAGIC An experiment with its dataset and environment folded in, checked before anything starts.

# COMMAND ----------

from sparkgen.config.request import DatasetRequest
from sparkgen.pipeline.session import spark_session

experiment = book.request()
spark = spark_session(experiment.environment)
book.show(experiment.model)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Ingest
# MAGIC Source text becomes a dataset version: shuffled Parquet shards and a manifest.

# COMMAND ----------

from sparkgen.pipeline import ingest
from sparkgen.pipeline.version import newest_version

dataset = DatasetRequest(dataset=experiment.dataset, environment=experiment.environment)
ingested = ingest.run(dataset, spark)
version = newest_version(experiment)
book.show(
    spark.read.parquet(f"{version.uri}/train").groupBy("label").count().orderBy("label").toPandas()
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC The workers train the model; MLflow keeps the run and registers a challenger.

# COMMAND ----------

from sparkgen.pipeline import train

trained = train.run(experiment, spark)
book.show(trained["metrics"])

# COMMAND ----------

# MAGIC %md
# MAGIC ## Evaluate and promote
# MAGIC Figures of the whole test split; the challenger becomes champion where every gate holds.

# COMMAND ----------

from sparkgen.pipeline import evaluate, promote

evaluated = evaluate.run(experiment, spark)
promoted = promote.run(experiment, spark)
book.show({**evaluated["metrics"], **promoted})

# COMMAND ----------

# MAGIC %md
# MAGIC ## Sample
# MAGIC The champion's samples, each a function of its seed and number alone.

# COMMAND ----------

from PIL import Image

from sparkgen.pipeline import sample

sampled = sample.run(experiment, spark)
print(sampled["contact_sheet"])
book.show(Image.open(sampled["contact_sheet"]))
