# The only front door: every job of this project is a target here. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

NEWEST_PYTHON = for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done
BIN := .venv/bin
ROLE ?= officer
OFFICE ?= 32.16.06
TYPED := $(wildcard services shared tools tests bench)

##@ Start here
.PHONY: help setup demo test
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo

setup: .venv/.ready ## everything the other targets need: Python packages, Kafka (they call it themselves)
	@$(BIN)/python -m tools.local fetch

demo: setup ## one office day with a dead line, on a stack of its own; prints a report
	@$(BIN)/python -m tools.demo

test: setup ## every test; of the long suites (chaos, browser) only their smoke
	@$(BIN)/pytest --smoke

##@ A running stack
.PHONY: up down status token verify
up: setup ## start everything in the background, print the addresses
	@$(BIN)/python -m tools.local up

down: .venv/.ready ## stop it
	@$(BIN)/python -m tools.local down

status: .venv/.ready ## say what runs and where
	@$(BIN)/python -m tools.local status

token: .venv/.ready ## print a bearer token: make token ROLE=officer OFFICE=32.16.06
	@$(BIN)/python -m tools.token $(ROLE) $(OFFICE)

verify: .venv/.ready ## check the invariants of the running installation, one line each
	@$(BIN)/python -m tools.verify

##@ Check
.PHONY: lint types test-unit test-integration test-e2e chaos bench contracts
lint: .venv/.ready ## style, form, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: .venv/.ready ## mypy, strict
	@$(BIN)/mypy $(TYPED)

test-unit: .venv/.ready ## rules of the domain and of the architecture; no servers
	@$(BIN)/pytest $(wildcard tests/unit tests/architecture)

test-integration: setup ## each service against real PostgreSQL and Kafka
	@$(BIN)/pytest $(wildcard tests/contract tests/integration)

test-e2e: setup ## whole stories over HTTP
	@$(BIN)/pytest tests/e2e

chaos: setup ## kill, cut and stall things while people are recorded; prints the fault matrix
	@$(BIN)/pytest -s tests/chaos

bench: setup ## numbers: rates, latencies, memory
	@$(BIN)/python -m bench

contracts: .venv/.ready ## write docs/contracts anew from the code
	@$(BIN)/python -m tools.contracts

##@ Tidy
.PHONY: fmt clean
fmt: .venv/.ready ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## stop the stack and delete all that was made here: data, logs, caches, .venv
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m tools.local down; fi
	@rm -rf .local .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: requirements.lock
	@python=$$($(NEWEST_PYTHON)); \
	if [ -z "$$python" ]; then echo "Rekam needs Python 3.11 or newer, as python3 on the PATH" >&2; exit 1; fi; \
	echo "installing Python packages with $$($$python --version) …"; \
	$$python -m venv .venv
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	@touch $@
