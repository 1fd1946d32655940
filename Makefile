# `make` lists the targets. Nothing is needed but git, make and Python >= 3.11 with its venv module.

PYTHON ?= python3
JOBS   ?= 4

MINUTES ?= 30
SEED    ?= 1
BODIES  ?= 100000

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --progress-bar off
PINS := --constraint constraints.txt --build-constraint constraints.txt
INPUTS := pyproject.toml constraints.txt

# One stamp per set of packages: `make demo` need not wait for what only the tests use.
RUN := .venv/.installed-run
DEV := .venv/.installed-dev
# What the benchmark compares with, in an environment of its own: arq wants another redis-py than Celery.
PEERS := .venv/peers/.installed

.DEFAULT_GOAL := help
.PHONY: help demo up preview test check bench faults outage soak fuzz protos messages clean
.SUFFIXES:
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(RUN) ## run the main job once, for real: embedded Valkey, a Celery worker, an SMTP inbox
	@$(BIN)/dispatcher demo

up: $(RUN) ## the same parts, staying up; data is kept under var/
	@$(BIN)/dispatcher up

preview: $(RUN) ## show the mail templates in the browser, reloading on save
	@$(BIN)/dispatcher preview

test: $(DEV) ## run the whole test suite (JOBS=4 processes: most tests wait for servers); starts every server it needs
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

check: $(DEV) ## formatter, linter, types, import floors, unit and contract tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -n $(JOBS) tests/unit tests/contract

bench: $(DEV) $(PEERS) ## measure side by side with the alternatives (BENCH=--quick: in 4 minutes)
	@$(BIN)/python -m tests.bench $(BENCH)

faults: $(DEV) ## every way of breaking, at length, one after the other; writes docs/reliability.md
	@$(BIN)/python -m pytest tests/faults tests/integration/broker/test_faults.py \
	  -m "faults or not faults" --report docs/reliability.md

outage: $(DEV) ## a relay that is away for long, under load: make outage MINUTES=30 SEED=1
	@$(BIN)/python -m tests.faults.outage --minutes $(MINUTES) --seed $(SEED) --report docs/reliability.md

soak: $(DEV) ## random faults under load: make soak MINUTES=30 SEED=1
	@$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --seed $(SEED) --report docs/reliability.md

fuzz: $(DEV) ## 100,000 mutated calls of each kind of IAM: make fuzz BODIES=100000
	@$(BIN)/python -m tests.fuzz --bodies $(BODIES)

protos: $(DEV) ## make the code of the API's messages anew, after a change to a .proto file
	@$(BIN)/python -m tests.protos

messages: $(DEV) ## bring the catalogues up to date with the templates; what is new in them is empty
	@$(BIN)/python -m tests.messages

clean: ## remove .venv, builds and caches; var/ (your data) stays
	rm -rf .venv build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Old pip knows neither dependency groups nor build constraints, so it brings its own successor first.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: $(PYTHON) is not Python 3.11 or newer. Install one, or name it: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) --constraint constraints.txt --upgrade pip

$(RUN): $(INPUTS) | $(BIN)/python
	@echo "Installing what the dispatcher needs"
	@$(PIP) $(PINS) --editable '.[standalone]'
	@touch $@

$(DEV): $(INPUTS) | $(BIN)/python
	@echo "Installing what the dispatcher and its tests need"
	@$(PIP) $(PINS) --editable '.[standalone,monitoring]' --group dev
	@touch $(RUN) $@

$(PEERS): $(INPUTS) | $(DEV)
	@echo "Installing the alternatives that the benchmark compares with"
	@$(BIN)/python -m venv .venv/peers
	@$(BIN)/python -m pip --python .venv/peers/bin/python --disable-pip-version-check install -qq \
	  --progress-bar off --group bench
	@touch $@
