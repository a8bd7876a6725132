# Every target sets up what it needs; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test check clients conformance bench quality deploy-check faults security soak picture pictures docs lock clean

PYTHON ?= python3
SHARED ?= ../shared
# Processes that run tests: most of them wait more than they compute.
AT_ONCE ?= 3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CLIENTS := tests/clients
LOCKED_CLIENTS := openai-2 langchain-openai llama-index memos
PYTHON_CLIENTS := $(foreach client,$(LOCKED_CLIENTS),$(CLIENTS)/.python/$(client)/.installed)
NODE_CLIENTS := $(if $(shell command -v node && command -v npm),$(CLIENTS)/node/node_modules/.installed)

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.installed  ## Set everything up and serve on http://127.0.0.1:8080
	@exec $(BIN)/memory-gateway serve

test: $(VENV)/.installed-dev clients  ## Set everything up, check and test it
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile || \
	  { echo "what failed is tried once more, with nothing beside it"; \
	    $(BIN)/python -m pytest --last-failed --last-failed-no-failures none; }

check: $(VENV)/.installed-dev  ## Format, lint, types, floors and the fast tests
	@$(BIN)/ruff format .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q -m "not process"
	@$(BIN)/python -m tests.security.supply_chain

clients: $(PYTHON_CLIENTS) $(NODE_CLIENTS)  ## Install the clients that the tests run, each with packages of its own

conformance: $(VENV)/.installed-dev  ## Compare requests sent straight with the same through the gateway
	@$(BIN)/python -m tests.conformance

bench: $(VENV)/.installed-dev  ## Measure what the gateway adds to a request, and recall
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench.learning

quality: $(VENV)/.installed-dev  ## Measure what is recalled, against what was recorded; SHARED has the data
	@$(BIN)/python -m tests.quality --shared $(SHARED) --write quality.json

deploy-check: $(VENV)/.installed-dev  ## Have nginx, Caddy, promtool, systemd read deploy/
	@$(BIN)/python -m tests.deployment

faults: $(VENV)/.installed-dev  ## Try every row of the table of faults, with real processes and signals
	@$(BIN)/python -m tests.faults

security: $(VENV)/.installed-dev  ## Try bad input and threats, print the tables, look for known flaws
	@$(BIN)/python -m tests.security

soak: $(VENV)/.installed-dev  ## Two gateways and two workers under load and faults, for ten minutes
	@$(BIN)/python -m tests.soak

docs: $(VENV)/.installed-dev  ## Write docs/memos-api.md from the table of fields
	@$(BIN)/python -m tests.fields

picture: $(VENV)/.installed-dev  ## Take the README's picture of the page anew, with Debian's chromium
	@$(BIN)/python -m tests.picture docs/page.png

pictures: $(VENV)/.installed-dev  ## Take pictures of every view of the page, at three widths, light and dark
	@SCREENSHOTS=pictures $(BIN)/python -m pytest -q tests/test_page_fits.py -k every_view

lock: $(VENV)/.installed-dev  ## Resolve the dependencies anew into the lock files
	@$(BIN)/uv pip compile --quiet $(LOCK) --group pyproject.toml:build -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet $(LOCK) --group pyproject.toml:build --group pyproject.toml:dev -o requirements-dev.lock pyproject.toml
	@for client in $(LOCKED_CLIENTS); do \
	  $(BIN)/uv pip compile --quiet $(LOCK) --group pyproject.toml:client-$$client -o $(CLIENTS)/$$client.lock || exit; done
	@$(if $(NODE_CLIENTS),cd $(CLIENTS)/node && npm install --package-lock-only)

LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --system-certs

clean:  ## Remove the environment and caches, never the data
	rm -rf $(VENV) $(CLIENTS)/.python $(CLIENTS)/node/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

$(VENV)/bin/python:
	@echo "making a Python environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing the dependencies (about a minute)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "installing what the tests need"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# A lock is whole. MemoryOS asks for more than its client needs, so pip must not ask it.
$(CLIENTS)/.python/%/.installed: $(CLIENTS)/%.lock | $(VENV)/bin/python
	@echo "installing the client $*"
	@rm -rf $(@D)
	@$(PIP) install --require-hashes --no-deps --no-compile --target $(@D) -r $<
	@touch $@

$(CLIENTS)/node/node_modules/.installed: $(CLIENTS)/node/package-lock.json
	@echo "installing the clients on Node"
	@cd $(CLIENTS)/node && npm ci
	@touch $@
