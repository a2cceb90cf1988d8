# Everything that these targets install and build stays in this folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS := --numprocesses=auto --dist=loadfile
COMMANDS_TESTS := $(addprefix tests/,cli terminal network server test_paths.py)
CONTROL_TESTS := $(addprefix tests/,admin faults http workspaces hostile)
VERIFY_TESTS := $(addprefix tests/,verify compare drift sampling reports mutants recipes)
TOOLS_TESTS := $(addprefix tests/,testing mutation)
OTHER_TESTS := tests/real tests/browser tests/store tests/contract $(COMMANDS_TESTS) $(CONTROL_TESTS) $(TOOLS_TESTS) $(VERIFY_TESTS)

export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TMPDIR := $(CURDIR)/.cache/tmp

.PHONY: serve test test-contract test-commands test-control test-tools test-soak test-verify test-crash test-real test-browser mutants mutation bench bench-flows bench-writes check hooks docs dist demo tables record follow clean help
.DEFAULT_GOAL := serve

serve: $(VENV)/serving ## serve the demo set; ARGS="--port 4300 --fixtures DIR" for more
	@$(BIN)/understudy serve $(ARGS)

test: $(VENV)/testing ## all tests of the API that need no real server
	$(BIN)/pytest $(addprefix --ignore=,$(OTHER_TESTS)) $(WORKERS) $(ARGS)

test-contract: $(VENV)/testing ## all tests of how contracts are read and rejected, and of clients that are generated from ours
	$(BIN)/pytest tests/contract $(WORKERS) $(ARGS)

test-commands: $(VENV)/testing ## all tests of the commands, of the server's process, and of the documents, whose commands are run
	$(BIN)/pytest $(COMMANDS_TESTS) $(WORKERS) $(ARGS)

test-control: $(VENV)/testing ## all tests of HTTP, workspaces, the control API, faults, authentication, limits and hostile input
	$(BIN)/pytest $(CONTROL_TESTS) $(WORKERS) $(ARGS)

test-tools: $(VENV)/testing ## all tests of StandIn, the pytest plugin, the example and the wheel
	$(BIN)/pytest $(TOOLS_TESTS) $(WORKERS) $(ARGS)

test-soak: $(VENV)/testing ## keep a server busy for two minutes, and check for leaks
	$(BIN)/pytest tests/server/test_soak.py --soak-minutes 2 $(ARGS)

test-verify: $(VENV)/testing ## all tests of verify, compare, drift, the reports, the mutants and the recipes for CI
	$(BIN)/pytest $(VERIFY_TESTS) $(WORKERS) $(ARGS)

test-crash: $(VENV)/testing ## all tests of the store; a server is killed 300 times while it writes
	$(BIN)/pytest tests/store --rounds 300 $(WORKERS) $(ARGS)

test-browser: $(VENV)/browsing .real/complete ## open Prefect's UI with Understudy and with a real server; needs Chromium
	$(BIN)/pytest tests/browser $(ARGS)

test-real: $(VENV)/testing .real/complete ## compare Understudy with a real Prefect server
	$(BIN)/pytest tests/real $(WORKERS) $(ARGS)

mutants: $(VENV)/testing ## which broken servers Schemathesis and understudy verify catch
	@$(BIN)/python -m tests.mutants --known 60 --generated 60 $(ARGS)

mutation: $(VENV)/testing ## change the engine at random and see which changes the tests catch; ARGS="--seed 1 --count 20"
	@$(BIN)/python -m tests.mutation $(ARGS)

bench: $(VENV)/testing ## compare the speed of Understudy and other servers; needs wrk, takes half an hour
	@$(BIN)/python -m bench $(ARGS)

bench-flows: $(VENV)/testing .real/complete ## measure flows in tests, with Prefect's harness and with Understudy's
	@$(BIN)/python -m bench.flows

bench-writes: $(VENV)/testing ## measure what a write costs with a store
	@$(BIN)/python -m bench.write_cost

check: $(VENV)/testing ## style, spelling, wording and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell $$(git ls-files)
	$(BIN)/python -m tests.style
	$(BIN)/mypy

hooks: $(VENV)/testing ## run the checks of changed files before each commit
	$(BIN)/pre-commit install

docs: $(VENV)/documenting ## build the documentation in site/; a broken link is an error
	@rm -rf site  # its --clean would delete all of .cache, the tests' temporary files too
	$(BIN)/zensical build --strict

dist: $(VENV)/testing ## build the package and check it, in dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*

demo: $(VENV)/testing ## write the demo fixture set again
	$(BIN)/python fixtures/make_demo.py

tables: $(VENV)/testing ## write the table of operations in README.md again
	$(BIN)/python -m tests.operations_table

record: $(VENV)/testing .real/complete ## record a real server's responses again
	$(BIN)/python -m tests.real.record

follow: $(VENV)/testing .follow/$(or $(PREFECT),none)/complete ## report what another release does differently: make follow PREFECT=3.9.2
	@UNDERSTUDY_REAL=.follow/$(PREFECT) $(BIN)/python -m tests.real.follow

help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## /\1	/p' Makefile | expand -t 16

clean: ## remove everything that was installed and built
	rm -rf $(VENV) .real .follow .cache build dist site *.egg-info

# What serving needs, and what the other targets need on top of it. Both say on stderr what they do meanwhile.
$(VENV)/serving: pyproject.toml | .cache/tmp
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Understudy needs Python 3.10 or newer: make PYTHON=/path/to/python3")'
	@echo 'Installing what serving needs into $(VENV), once: 50 packages, some 100 MB.' >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --editable . >&2
	@touch $@

$(VENV)/testing: $(VENV)/serving
	@echo 'Installing what the tests and checks need into $(VENV), once: 80 packages more, some 300 MB.' >&2
	@$(BIN)/pip install --editable '.[test]' >&2
	@touch $@

$(VENV)/browsing: $(VENV)/testing
	@echo 'Installing what drives a browser into $(VENV), once: some 150 MB.' >&2
	@$(BIN)/pip install --editable '.[browser]' >&2
	@touch $@

$(VENV)/documenting: $(VENV)/serving
	@echo 'Installing what the documentation needs into $(VENV), once.' >&2
	@$(BIN)/pip install --editable '.[docs]' >&2
	@touch $@

# The rest is for tests that use its SDK and our plugin.
.real/complete: | .cache/tmp
	$(PYTHON) -m venv .real
	.real/bin/pip install --quiet 'prefect==3.9.1' 'pytest>=8.0' pytest-asyncio pytest-xdist --editable .
	@touch $@

.follow/%/complete: | .cache/tmp
	@case '$*' in [0-9]*) ;; *) false ;; esac || { echo 'Name the release: make follow PREFECT=3.9.2' >&2; exit 2; }
	$(PYTHON) -m venv .follow/$*
	.follow/$*/bin/pip install --quiet 'prefect==$*' $(PINS)
	@touch $@

.cache/tmp:
	@mkdir -p $@
