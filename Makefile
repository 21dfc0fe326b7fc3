# Two commands do everything on a fresh Debian 12: `make demo` and `make test`. Both set
# up what they need, in .venv and with the system's package manager, and do nothing twice.

PYTHON ?= python3
PYTEST_FLAGS ?= -n 2 --dist worksteal
export PYTHON

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help demo demo-binary test check environment test-environment lock

help:
	@echo 'make demo    compile a network for Cortex-M4, run it on an emulated core, check the result'
	@echo 'make demo-binary    the same for a binary network trained with Larq, beside its int8 twin'
	@echo 'make test    check the sources and run all tests'
	@echo 'make check   check the sources only: lint, format, types'

demo: environment
	$(BIN)/python examples/digits/demo.py

demo-binary: environment
	$(BIN)/python examples/binary_digits/demo.py

test: check
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

check: test-environment
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright --pythonpath $(BIN)/python

environment: .venv/core
	@tools/system-packages run

test-environment: .venv/dev
	@tools/system-packages test

.venv/core: requirements/core.txt pyproject.toml
	@tools/system-packages run
	$(PYTHON) -m venv .venv
	$(PIP) --requirement requirements/core.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements/dev.txt .venv/core
	$(PIP) --requirement requirements/dev.txt
	@touch $@

# Resolves the newest versions that pyproject.toml allows and writes them down.
lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --upgrade setuptools .
	{ head -1 requirements/core.txt; .venv-lock/bin/python -m pip freeze --all --exclude pip --exclude nnc; } > .venv-lock/core.txt
	.venv-lock/bin/python -m pip install --quiet .[dev]
	{ head -1 requirements/dev.txt; .venv-lock/bin/python -m pip freeze --all --exclude pip --exclude nnc; } > .venv-lock/dev.txt
	mv .venv-lock/core.txt .venv-lock/dev.txt requirements/
	rm -r .venv-lock
