# `make help` lists the commands. Everything runs in .venv, which is made from requirements/dev.txt (hash-locked).
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TIMES := build/times.txt
SUITE := scripts/suite $(TIMES)
PYTEST := $(BIN)/python -m pytest -q

.PHONY: help setup run test unit lint types contracts integration faults oracle servers lock docs docs-check site workflows alerts dashboards traces fresh clean

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with everything that development needs

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.x")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@# Where PYTHONDONTWRITEBYTECODE is set, each of the tests' many processes would compile all of it anew: 2 CPU-s.
	@$(BIN)/python -m compileall -q cli pipeline fetcher worker operator ui tests
	@touch $(READY)

run: $(READY) ## clean the bundled example feed on this machine, then verify the books
	@$(BIN)/python scripts/run_example.py

test: $(READY) servers fresh ## everything that CI runs, with the time that each suite took
	@$(SUITE) lint $(MAKE) --no-print-directory lint
	@$(SUITE) types $(MAKE) --no-print-directory types
	@$(SUITE) contracts $(MAKE) --no-print-directory contracts
	@$(SUITE) docs $(MAKE) --no-print-directory docs-check
	@$(SUITE) workflows $(MAKE) --no-print-directory workflows
	@$(SUITE) alerts $(MAKE) --no-print-directory alerts
	@$(SUITE) unit $(MAKE) --no-print-directory unit
	@$(SUITE) integration $(MAKE) --no-print-directory integration
	@$(SUITE) faults $(MAKE) --no-print-directory faults
	@$(SUITE) model $(MAKE) --no-print-directory model
	@$(SUITE) fuzz $(MAKE) --no-print-directory fuzz
	@$(SUITE) oracle $(MAKE) --no-print-directory oracle
	@$(SUITE) chaos $(MAKE) --no-print-directory chaos-ci
	@$(SUITE) run $(MAKE) --no-print-directory run
	@$(SUITE) e2e $(MAKE) --no-print-directory e2e
	@$(SUITE) e2e-chaos $(MAKE) --no-print-directory e2e-chaos
	@echo; echo "seconds per suite:"; column -t $(TIMES)

fresh:
	@mkdir -p build && rm -f $(TIMES)

unit: $(READY) ## the everyday loop: no servers, seconds
	@$(PYTEST) -n 2 --dist loadfile tests/unit

lint: $(READY) ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY) ## mypy --strict
	@$(BIN)/mypy

workflows: ## GitHub's workflows and the Compose file, by actionlint and Compose's own loader (needs Go)
	@go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 -shellcheck= .github/workflows/*.yml
	@go run github.com/compose-spec/compose-go/v2/cmd@v2.4.7 packaging/compose/compose.yaml >/dev/null

contracts: $(READY) ## who may import whom
	@$(BIN)/lint-imports

integration: $(READY) bench-setup servers ## real Redis, Valkey, MariaDB and HTTP servers on loopback
	@$(PYTEST) -n 2 --dist loadfile --timeout 600 tests/integration

build/tools/health: $(wildcard tests/faults/health/*)
	@cd tests/faults/health && go build -o $(CURDIR)/$@ . && touch $(CURDIR)/$@

faults: $(READY) servers build/tools/health ## the operator against an API server, Redis servers and tenants that misbehave
	@$(PYTEST) -n 2 --dist loadfile --timeout 300 tests/faults

oracle: $(READY) servers ## whole runs against the independent oracle, and the kills
	@$(PYTEST) -s --timeout 600 tests/oracle

servers: ## install the servers that the tests start (Debian's packages)
	@scripts/install_servers
	@scripts/install_mysql

PROMTOOL = build/tools/promtool
$(PROMTOOL):
	@GOBIN=$(CURDIR)/build/tools go install -tags remove_all_sd,netgo github.com/prometheus/prometheus/cmd/promtool@v0.316.0

alerts: $(PROMTOOL) ## each alert against time series of its own, by promtool (needs Go; the first time takes minutes)
	@$(PROMTOOL) check rules monitoring/rules/*.yaml && $(PROMTOOL) test rules monitoring/tests.yaml

PROMETHEUS = build/tools/prometheus
$(PROMETHEUS):
	@GOBIN=$(CURDIR)/build/tools go install -tags remove_all_sd,netgo github.com/prometheus/prometheus/cmd/prometheus@v0.316.0

dashboards: $(READY) $(PROMETHEUS) servers ## by hand: each query of the dashboards, asked of a real Prometheus that looks at a real run (needs Go; the first time takes minutes)
	@$(PYTEST) tests/dashboards --timeout 600

COLLECTOR = build/tools/otelcol
$(COLLECTOR): tests/support/collector/main.go tests/support/collector/go.mod
	@cd tests/support/collector && go build -o $(CURDIR)/$(COLLECTOR) .

traces: $(READY) $(COLLECTOR) ## by hand: the traces of a run, sent to a real OpenTelemetry collector (needs Go; the first time takes minutes)
	@$(PYTEST) tests/collector --timeout 600

docs: $(READY) ## write the documents that are made from the code
	@$(BIN)/python scripts/make_docs.py

docs-check: $(READY)
	@$(BIN)/python scripts/make_docs.py --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir build/site

site: $(READY) ## the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --site-dir build/site && echo build/site/index.html

lock: $(READY) ## lock the dependencies anew
	@for extra in dev fetcher worker operator laptop notify ui bench; do \
	  case $$extra in fetcher|worker|laptop) also="--extra tracing";; *) also=;; esac; \
	  $(BIN)/uv pip compile --quiet pyproject.toml --extra $$extra $$also --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements/$$extra.txt; done

clean: ## remove what was built here (not .venv)
	@rm -rf build dist .dcp examples/.dcp .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

-include make/*.mk
