# GlassGPT: `make help` lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# PyTorch has many builds; name another one here, or nothing to leave its tests out.
TORCH ?= torch==2.13.0

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set up ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "GlassGPT needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "cannot make $(VENV) (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }

$(VENV)/setup.stamp: $(BIN)/python requirements/base.txt pyproject.toml
	@echo "installing GlassGPT into $(VENV) …"
	@$(PIP) install -r requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/setup.stamp requirements/dev.txt
	@echo "installing what the tests need …"
	@$(PIP) install -r requirements/dev.txt
	@if [ -n "$(TORCH)" ]; then $(PIP) install "$(TORCH)"; fi
	@touch $@

.PHONY: setup
setup: $(VENV)/setup.stamp ## Make .venv with GlassGPT in it

# --- use ---

.PHONY: run
run: setup ## Train a GPT from scratch on the English names, print what it invents
	@$(BIN)/glassgpt train english

.PHONY: bench
bench: setup ## Time every engine on this machine
	@$(BIN)/glassgpt bench

# --- check ---

.PHONY: check
check: $(VENV)/dev.stamp ## Lint and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: test
test: check ## Everything: lint, types, all tests
	$(BIN)/pytest -n 2 --dist worksteal

# --- campaigns ---

KILLS ?= 100
CASES ?= 100000
SEED ?= 1
DRIVER ?= mutate

.PHONY: torture
torture: setup ## Kill training at random (KILLS=100 SEED=1), resume, compare
	@$(BIN)/python tools/torture.py --kills $(KILLS) --seed $(SEED)

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp ## Feed it hostile input (CASES=100000 SEED=1 DRIVER=mutate)
	@$(BIN)/python tools/fuzz.py --cases $(CASES) --seed $(SEED) --driver $(DRIVER)

.PHONY: determinism
determinism: setup ## Write docs/determinism.md: every engine on every Python found
	@$(BIN)/python tools/determinism.py

.PHONY: licences
licences: setup ## Write docs/licences.md from the packages installed
	@$(BIN)/python tools/licences.py

# --- keep up to date ---

.PHONY: conformance
conformance: setup ## Write the conformance vectors anew from the reference
	$(BIN)/python conformance/make.py $(NAMES)

.PHONY: lock
lock: $(BIN)/python ## Pin the newest versions of all dependencies, with hashes
	@$(PIP) install uv
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh requirements/lock.sh

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './web/node_modules/*' -prune -exec rm -rf {} +
