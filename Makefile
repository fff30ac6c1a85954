# One entry to every tool. It needs python3 (3.11 or newer) and make; `make setup` brings the rest, but
# for Debian's postfix, dovecot-imapd and dovecot-lmtpd, which test-rest and conversations run as root.

PYTHON ?= python3
# pytest-xdist's arguments: two workers fill the two cores of the smallest machine we support;
# loadgroup keeps tests that share a server (xdist_group) in one worker. `make test XDIST=-n0` debugs.
XDIST ?= -n 2 --dist loadgroup
UPGRADE ?=

BIN := .venv/bin
LOCKED := .venv/.locked
INSTALLED := .venv/.installed
SETS := .mail-sets/.fetched
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# extras stay: where one is not named, pip wants the newest version for it, and refuses it unpinned
PIN := $(BIN)/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-strip-extras

.DEFAULT_GOAL := help
.PHONY: help setup demo up sets unit test test-rest check fix rules translations docs conversations bench lock clean

help: ## print these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

up: $(INSTALLED) ## run the embedded desk: Temporal with its UI, database, worker, mailroom and pages
	CASEKEEP_CATALOG=$${CASEKEEP_CATALOG:-catalog/sample} $(BIN)/casekeep up

# real mails for the tests, kept until what is pinned changes
$(SETS): tests/support/mail_sets.txt | $(INSTALLED)
	$(BIN)/python -m tests.support.mail_sets
	@touch $@

sets: $(SETS) ## take in the mails of the fetched sets, and count what becomes of them
	$(BIN)/python -m tests.integration.mailroom.test_mail_sets

unit: $(INSTALLED) ## run the unit tests without the slow ones: under a minute
	$(BIN)/pytest $(XDIST) tests/unit -m 'not slow'

# domain/ is held to full coverage: it is pure, so nothing in it is hard to reach
test: $(INSTALLED) $(SETS) ## run the tests, with coverage; python3 and make are enough
	$(BIN)/pytest $(XDIST) -m 'not soak and not mail_server and not browser' --cov --cov-report=term
	$(BIN)/coverage report --include='domain/*' --fail-under=100

test-rest: $(INSTALLED) $(SETS) ## run those that take minutes each, or need Debian's Postfix, Dovecot or Chromium
	$(BIN)/pytest $(XDIST) -m 'soak or mail_server or browser'

check: $(INSTALLED) ## format, lint, spelling, types, imports, dead code, dependencies, compose file, rules' tests, translations
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	! $(BIN)/vulture 2>&1 | grep --invert-match ': unused variable '
	$(BIN)/deptry .
	$(BIN)/docker-compose --file docker-compose.yml config --quiet
	$(BIN)/python docs/prose.py
	$(BIN)/python docs/rules.py --check
	$(BIN)/python -m i18n --check

fix: $(INSTALLED) ## format, and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

rules: $(INSTALLED) ## write docs/rules.md: which tests prove which rule
	$(BIN)/python docs/rules.py

translations: $(INSTALLED) ## compile the catalogs in i18n/locale/, after one of them has changed
	$(BIN)/python -m i18n

docs: $(INSTALLED) rules ## write the schemas for editors and the sample's drawings, too
	$(BIN)/python docs/generated.py

conversations: $(INSTALLED) ## write docs/mail-conversations.md: what mail programs and a desk write
	$(BIN)/python -m tests.support.mail_dialogs

bench: $(INSTALLED) ## compare with a bare workflow that takes the same messages, and lists with a look-up
	$(BIN)/python -m bench
	$(BIN)/python -m bench.lists
	$(BIN)/python -m bench.live

lock: $(INSTALLED) ## pin what pyproject.toml asks for; newer versions with UPGRADE=--upgrade
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(PIN) --output-file requirements.txt
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(PIN) --group dev --constraint requirements.txt \
		--output-file requirements-dev.txt

clean: ## remove what setup and the tools made; .casekeep/ with its databases stays
	rm -rf .venv .mail-sets dist .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
