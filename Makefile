# Every target sets itself up from nothing but Python 3.11 (or later) and make: the environment is
# .venv, its contents are the hash-pinned lock in requirements/, and a warm run is instant.
# Nothing is done twice: a stamp in .venv says which lock is installed.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
SCENARIO ?= feedback-poisoning

.DEFAULT_GOAL := help
.PHONY: help drill test check crash bench bench-record picture recording pictures docs lock venv clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

drill: .venv/.drill ## attack the range, respond, prove, verify (SCENARIO=feedback-poisoning)
	@$(BIN)/hemostat drill $(SCENARIO)

test: check ## every law and every test
	@$(BIN)/python -m tests.together

check: .venv/.dev ## the laws alone: ruff, mypy, import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

crash: .venv/.dev ## every fault at every effect; `make test` runs a part
	@HEMOSTAT_CRASH_MATRIX=whole $(BIN)/python -m pytest tests/crash

bench: .venv/.dev ## how fast, on this machine
	@$(BIN)/python -m bench

bench-record: .venv/.dev ## how fast the record verifies and replays (some 4 minutes)
	@$(BIN)/python -m bench.sealed
	@$(BIN)/python -m bench.replay

picture: .venv/.drill ## the README's picture, from a real drill
	@$(BIN)/hemostat drill feedback-poisoning --picture docs/assets/drill.svg

recording: .venv/.dev ## the README's recording, of a real drill at a terminal
	@$(BIN)/python -m tests.docs.recording docs/assets/recording.svg hemostat drill feedback-poisoning

pictures: .venv/.dev ## the pictures in the documents: the console in a real browser, a report's page
	@$(BIN)/python -m tests.real.console.pictures
	@$(BIN)/python -m tests.audit.pictures

docs: .venv/.dev ## what the documents take from the code, anew
	@$(BIN)/python -m tests.docs.generate

venv: .venv/.dev ## the environment of a developer, and nothing more

lock: .venv/.dev ## resolve pyproject.toml anew into requirements/
	@$(LOCK) --upgrade --extra drill --group dev -o requirements/dev.txt
	@$(LOCK) --extra drill --group build -c requirements/dev.txt -o requirements/drill.txt
	@$(LOCK) --group build -c requirements/dev.txt -o requirements/runtime.txt

LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock"

clean: ## forget the environment and every cache
	rm -rf .venv var .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/bin/python:
	@echo "setting up .venv with $(PYTHON) (once; some minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=/path/to/python")'
	@$(PYTHON) -m venv .venv

# One rule for both: pip skips what is installed already, so the second of them costs seconds.
.venv/.%: requirements/%.txt pyproject.toml | .venv/bin/python
	@$(PIP) install --no-compile --require-hashes -r $<
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true # what pip does, but on every core
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
