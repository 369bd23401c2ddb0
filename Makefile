# One obvious way to do each thing. A bare machine needs python3 (3.10 or newer, with venv), make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGE := $(VENV)/.package
DBT := $(VENV)/.dbt
TOOLS := $(VENV)/.tools

.DEFAULT_GOAL := help
.PHONY: help demo test postgres secrets lint bench docs clean

help: ## list what make can do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

demo: $(DBT) ## train, predict, monitor and retrain on real flights, by dbt; leaves build/flights.duckdb
	@mkdir -p build
	$(BIN)/sqlml demo build/flights.duckdb --force

test: lint postgres ## lint, then every test, and whether each routine has one
	rm -rf build/routines
	$(BIN)/python -m pytest -n 2 --dist loadfile --routines=build/routines tests/dbt
	$(BIN)/python -m pytest -n 2 --dist loadgroup --routines=build/routines --ignore tests/dbt
	PYTHONPATH=tests $(BIN)/python -m routines build/routines

postgres: ## install PostgreSQL, its PL/Python and plpgsql_check, where they are missing (Debian, Ubuntu; root or sudo)
	.ci/postgres plpgsql_check

secrets: ## random passwords for docker-compose.yml, in a folder that Git does not see
	container/secrets

lint: $(TOOLS) ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(TOOLS) postgres ## rows per second of every way to score and train, side by side
	$(BIN)/python tests/benchmarks/scoring.py
	$(BIN)/python tests/benchmarks/scoring_postgres.py
	$(BIN)/python tests/benchmarks/bulk_postgres.py

docs: $(TOOLS) postgres ## run every snippet of the README and the docs
	$(BIN)/python -m pytest tests/docs

clean: ## remove what the other targets have made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "sqlml needs Python 3.10 or newer with venv; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(PACKAGE): pyproject.toml $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DBT): $(PACKAGE)
	$(BIN)/python -m pip install --quiet --editable '.[dbt]'
	@touch $@

$(TOOLS): $(PACKAGE)
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
