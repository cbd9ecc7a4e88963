# Needs CPython 3.11 or newer, git and make; everything else is installed into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin

# The tests start many processes: each would compile the whole package anew where this is set.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: sweep test test-faults check format docs bench clean

sweep: .venv/installed
	$(BIN)/ray-mtlkd sweep search_spaces/quickstart.yaml

test: .venv/installed-dev
	$(BIN)/pytest -m "not ray" -n auto --maxprocesses 4 --dist worksteal
	$(BIN)/pytest -m ray -n auto --maxprocesses 2 --dist loadfile

# Real processes, killed and starved, one after the other: about three quarters of an hour; what needs root is skipped without.
test-faults: .venv/installed-faults
	$(BIN)/pytest -m fault tests/faults

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv/installed-bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv build site *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

# What is imported is compiled then: all of it at once takes longer than to install it.
.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ .venv/installed

.venv/installed-faults: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev,faults]'
	touch $@ .venv/installed-dev .venv/installed

.venv/installed-docs: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@ .venv/installed

.venv/installed-bench: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@ .venv/installed
