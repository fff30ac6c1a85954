# One entry to every tool. It needs python3 (3.11 or newer) and make; `make setup` brings the rest.

PYTHON ?= python3
# pytest-xdist's arguments: two workers fill the two cores of the smallest machine we support;
# loadgroup keeps tests that share a server (xdist_group) in one worker. `make test XDIST=-n0` debugs.
XDIST ?= -n 2 --dist loadgroup
UPGRADE ?=

BIN := .venv/bin
LOCKED := .venv/.locked
INSTALLED := .venv/.installed
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
PIN := $(BIN)/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check fix bench lock clean

help: ## print these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv with every dependency, pinned and hashed; a second call does nothing

$(LOCKED): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "casekeep needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
			"name another one with make setup PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes --requirement requirements-dev.txt
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED) ## play a Case's and a Ticket's life on a real server, its worker killed half-way
	$(BIN)/casekeep demo

up: $(INSTALLED) ## run the embedded desk: Temporal with its UI, the database and the worker
	$(BIN)/casekeep up

# domain/ is held to full coverage: it is pure, so nothing in it is hard to reach
test: $(INSTALLED) ## run every test with coverage
	$(BIN)/pytest $(XDIST) --cov --cov-report=term
	$(BIN)/coverage report --include='domain/*' --fail-under=100

check: $(INSTALLED) ## format, lint, types, imports, dead code, dependencies, the compose file
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	! $(BIN)/vulture 2>&1 | grep --invert-match ': unused variable '
	$(BIN)/deptry .
	$(BIN)/docker-compose --file docker-compose.yml config --quiet

fix: $(INSTALLED) ## format, and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(INSTALLED) ## compare with a bare workflow that takes the same messages
	$(BIN)/python -m bench

lock: $(INSTALLED) ## pin what pyproject.toml asks for; newer versions with UPGRADE=--upgrade
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(PIN) --output-file requirements.txt
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(PIN) --group dev --constraint requirements.txt \
		--output-file requirements-dev.txt

clean: ## remove what setup and the tools made; .casekeep/ with its databases stays
	rm -rf .venv dist .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
