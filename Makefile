# SPDX-License-Identifier: Apache-2.0
# `make` alone lists the targets.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.up-to-date
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Test processes side by side.
JOBS ?= 2
# Random networks of `make fuzz`, and the seed of the first: another one each time unless given.
N ?= 1000
SEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')

# A board of `make bitstream`; `dpu boards` lists them.
BOARD ?= ulx3s

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all lint format fuzz mutants synthesize bitstream bench firmware clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) \
	    | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Make .venv with everything in it (nothing to do when it is up to date)

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is older than Python 3.11 or missing: install Python 3.11 or newer," \
	         "or name one with: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: setup  ## Run the bundled network on the RTL, on real digits
	$(BIN)/dpu demo

test: setup  ## Run the regression
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-all: setup  ## Run every test, the slow ones too
	$(BIN)/python -m pytest -n $(JOBS)

lint: setup  ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup  ## Format the sources and sort the imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --select I .

fuzz: setup  ## Try N random networks (make fuzz N=1000 SEED=1), a tenth of them on RTL
	DPU_FUZZ_EXAMPLES=$(N) DPU_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -n $(JOBS) -m fuzz \
	    tests/e2e/test_random_networks.py

mutants: setup  ## Plant named faults one at a time; each must be caught
	$(BIN)/python -m tests.mutants

synthesize: setup  ## Synthesize the presets and count their resources
	$(BIN)/python -m dpu_boards.synthesize

bitstream: setup  ## Build the bitstream of a board (make bitstream BOARD=ulx3s)
	$(PIP) install --no-deps -r requirements-bitstream.lock
	$(BIN)/dpu build --board $(BOARD)

bench: setup  ## Measure the benchmark networks on the RTL
	$(BIN)/dpu bench --preset b128
	$(BIN)/dpu bench --preset b256

firmware: setup  ## Build the firmware that runs the bundled network without a host
	mkdir -p firmware/build
	$(BIN)/dpu compile examples/digits/digits_int8.tflite --preset b128 -o firmware/build/digits.dpu
	$(BIN)/dpu firmware firmware/build/digits.dpu -o firmware/build/program.bin \
	    $(addprefix --input ,$(sort $(wildcard examples/digits/images/*.png))) \
	    --bundle firmware/build/inputs.bin
	$(MAKE) -C firmware

clean:  ## Remove what was built; .venv and the simulator cache stay
	rm -rf build dist firmware/build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
