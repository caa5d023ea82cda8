# make quickstart   the whole idea on this machine, in minutes
# make test         install what is needed, check types, layers and style, run the fast tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INDEX := $(if $(ITERPREF_TORCH_INDEX),--extra-index-url $(ITERPREF_TORCH_INDEX))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(INDEX) --constraint constraints.txt
DATA := $(wildcard ../shared/data)
ifneq ($(DATA),)
export ITERPREF_TEST_DATA ?= $(abspath $(DATA))
endif
export HF_HUB_DISABLE_TELEMETRY = 1

.PHONY: quickstart test test-slow lint clean

quickstart: $(VENV)/.train
	$(BIN)/iterpref quickstart

test: lint
	$(BIN)/pytest -m "not slow" -n 2 --dist loadscope

test-slow: $(VENV)/.dev
	$(BIN)/pytest -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.train: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[train]"
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[dev]"
	touch $@ $(VENV)/.train

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
