# Everything works from a clean clone with Python 3.11+ and make; the environment is made by itself, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help env demo serve test scenarios check format prove audit bench docs clean

help: ## Show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

env: $(READY) ## Make the environment in .venv; the others do it by themselves

demo: $(READY) ## Show the whole product at work, every claim checked (under a minute)
	@$(BIN)/orderwright demo

serve: $(READY) ## Run the engine on ./data (set it up first: .venv/bin/orderwright setup --data data)
	@$(BIN)/orderwright serve --data data

test: $(READY) ## Run the tests, in about a minute
	@$(BIN)/python -m pytest -n auto -m "not slow and not processes"

scenarios: $(READY) ## Run the tests on real processes: engines, exchanges, servers, started, killed, stopped
	@$(BIN)/python -m pytest -n auto -m "processes and not slow"

check: $(READY) ## Format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## Put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

prove: $(READY) ## Run the slow proofs: simulation, kills, faults, a soak of ten minutes
	@$(BIN)/python -m pytest -m slow -s

audit: $(READY) ## Look the pinned dependencies up among known vulnerabilities (needs the network)
	@test -x $(VENV)/audit/bin/pip-audit || { \
	    $(PYTHON) -m venv $(VENV)/audit && \
	    $(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'; } || \
	    { echo "pip-audit could not be installed; nothing was audited"; exit 2; }
	@$(BIN)/python -m tests.repository.dependency_audit $(VENV)/audit/bin/pip-audit

bench: $(READY) ## Measure, each figure with its reference, into bench/RESULTS.md
	@$(BIN)/python -m bench

clean: ## Remove what was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making the environment in $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[dev,bench]'
	@touch $@
