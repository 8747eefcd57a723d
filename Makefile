# Every target that needs it sets up .venv first; see setup.sh. `make help` is the manual.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test fuzz results bench bench-quick test-dbr lock wheel clean

EXPERIMENT ?= conf/experiments/vae_digits.yaml
ARGS ?=
DBR ?= 15.4
FUZZ_SECONDS ?= 3600
BIN := .venv/bin

help:  ## This manual
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo 'EXPERIMENT=conf/experiments/NAME.yaml   what make run runs'
	@echo 'MODEL="vae_mnist ..."                  which rows make results does again'
	@echo 'ARGS="..."            more arguments, for sparkgen run or for pytest'
	@echo 'DBR=15.4              the runtime of make test-dbr: 15.4, 17.3, 18, or latest, the newest of all'
	@echo 'FUZZ_SECONDS=3600     how long make fuzz goes on'
	@echo 'PYTHON=python3.11     the Python that .venv is made with'
	@echo 'SPARKGEN_DEVICE=cpu   leaves an NVIDIA GPU unused'
	@echo 'SPARKGEN_TEST_DATA=DIR  real data for the larger tests; without it they are skipped'
	@echo
	@echo 'Needs Python 3.11, a C++17 compiler, make and git on x86-64 Linux. Everything else comes'
	@echo 'from pip, a Java included. Results lie in runs/; .venv/bin/sparkgen --help is the program.'

setup:  ## Makes .venv: locked packages, Horovod built once, this package
	@./setup.sh

run: setup  ## The whole pipeline on the built-in digits, or on EXPERIMENT
	$(BIN)/sparkgen run $(EXPERIMENT) $(ARGS)

test: setup  ## Lint, format, types, import rules and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder $(ARGS)

fuzz: setup  ## Reads damaged inputs for FUZZ_SECONDS; what fails goes to tests/fuzz/corpus
	PYTHONPATH=tests:tests/ingest:tests/training $(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(ARGS)

results: setup  ## RESULTS.md: trains and measures the rows that are missing, or MODEL
	$(BIN)/python -m benchmarks.results $(MODEL) $(ARGS)

bench: setup  ## Every stage beside what else there is; JSON lines in benchmarks/bench.jsonl
	$(BIN)/python -m benchmarks.bench $(ARGS)

bench-quick: setup  ## Fails where a quick benchmark's ratio is under benchmarks/floors.yaml
	$(BIN)/python -m benchmarks.quick $(ARGS)

test-dbr:  ## The wheel on the pins of a Databricks runtime, DBR=15.4: leaves them, and runs
	@./.ci/test-dbr $(DBR)

wheel:  ## dist/sparkgen-*.whl, by any Python 3; needs no compiler
	@rm -rf build dist
	$${PYTHON:-python3} -m pip wheel --quiet --no-deps --ignore-requires-python --wheel-dir dist .

lock: setup  ## Locks anew: the newest versions that setup.py allows
	@./.ci/lock

clean:  ## Removes everything that was made, but keeps .wheels and runs
	rm -rf .venv .venv-dbr .venv-lock .venv-pack build dist lib/*.egg-info
	rm -rf .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
