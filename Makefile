# routewright: `make help` lists the targets. Everything is installed from the hashed locks into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The first Python that runs and is new enough: a pyenv shim that is not active fails the test and is passed over.
PYTHON ?= $(shell for p in python3.13 python3.12 python3 "$$HOME"/.pyenv/versions/3.1[3-9]*/bin/python \
  "$$HOME"/.pyenv/versions/3.12*/bin/python; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 12)); ' 2>/dev/null && \
  "$$p" -c 'import sys; print(sys.executable)' && break; done)
V := .venv/bin
RUN := PYTHONPATH=. $(V)/python

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[36m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.ready: requirements/uv.txt requirements/dev.txt pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "routewright needs Python 3.12 or newer: install python3.12 (or 3.13) and run make again" >&2; exit 1; }
	@echo "setting up .venv with $(PYTHON)"
	@[ -x $(V)/python ] || "$(PYTHON)" -m venv .venv
	@$(V)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@VIRTUAL_ENV=.venv $(V)/uv pip install --quiet --require-hashes -r requirements/dev.txt
	@VIRTUAL_ENV=.venv $(V)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: .venv/.ready ## install everything from the locks into .venv

.PHONY: cluster
cluster: setup ## build the real kube-apiserver, controller manager and etcd once (kept in ~/.cache/routewright)
	@$(RUN) -m emulators.cluster.build

.PHONY: demo
demo: cluster ## play the story of three teams and two Gateways (KEEP=1 leaves it running)
	@$(RUN) -m demo $(if $(KEEP),--keep)

.PHONY: check
check: setup ## format, lint, types, layers
	@$(V)/ruff format --check --quiet . && echo "format: ok"
	@$(V)/ruff check --quiet . && echo "lint: ok"
	@$(V)/mypy --no-error-summary && echo "types: ok"
	@PYTHONPATH=. $(V)/lint-imports

.PHONY: unit
unit: setup ## the tests that need no server (seconds)
	@$(RUN) -m pytest -q -n 2 tests/unit tests/contract tests/golden tests/property

.PHONY: test
test: check cluster ## everything: check, unit, golden, property and integration tests with branch coverage
	@$(RUN) -m pytest -q -n 2 --dist loadgroup --cov --cov-report=term tests/unit tests/contract tests/golden tests/property tests/integration

.PHONY: conformance-aws
conformance-aws: cluster ## the upstream conformance suite, unmodified, against the emulated AWS and Envoy
	@$(RUN) -m tests.conformance

.PHONY: bench
bench: cluster ## the budgets, as counts and ratios; fails when one is over
	@$(RUN) -m tests.bench

.PHONY: proof
proof: setup ## the laws, with every case: faults at every call, random transitions, wrong orders (up to 30 minutes)
	@$(RUN) -m tests.proof

.PHONY: golden
golden: setup ## rewrite the golden files, for review with git diff
	@$(RUN) -m pytest -q tests/golden --update-golden

.PHONY: lock
lock: setup ## resolve the locks anew
	@echo "uv==$$($(V)/uv --version | cut -d' ' -f2)" | $(V)/uv pip compile --quiet --universal --python-version 3.12 \
	  --generate-hashes --no-header --no-annotate - --output-file requirements/uv.txt
	@for use in aws cli; do $(V)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header \
	  --no-annotate pyproject.toml --extra $$use --output-file requirements/$$use.txt; done
	@$(V)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra aws --extra cli --group dev --output-file requirements/dev.txt

.PHONY: clean
clean: ## remove what the tools made here (not the build cache)
	@rm -rf .venv .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
