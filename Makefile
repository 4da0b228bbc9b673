# Everything is installed into .venv, but for Debian packages; both are named before they come.
SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

RUNTIME := environment-runtime
ENVIRONMENT := environment-dev
BROWSER := environment-browser
PYTHON := .venv/bin/python
PYTEST := .venv/bin/pytest
PARALLEL := --numprocesses=auto --dist=worksteal
FILES := --dist=loadfile --numprocesses
COVERAGE := --cov=portcall.schemas --cov-report=term-missing:skip-covered --cov-fail-under=100

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ARGS=... is handed on to what up, demo, test, unit, integration, e2e, faults, azure, browser, screenshots and bench run"
	@echo '  The command portcall: export PATH="$$PATH:$(CURDIR)/.venv/bin" (after make up or make demo), or: pipx install .'

# -- run it

.PHONY: demo up
demo: $(RUNTIME) broker registry ## see it work: a real registry, a consumer, the POSTs, the list of events
	@$(PYTHON) -P -m portcall.cli.main demo $(ARGS)

up: $(RUNTIME) broker ## run the whole pipeline until Ctrl-C
	@exec .venv/bin/portcall up $(ARGS)

# -- test it

.PHONY: test check fmt unit integration e2e faults ground ground-brief canary containers containers-brief chart azure browser screenshots bench
test: $(ENVIRONMENT) broker registry clients postgresql nginx webhook prometheus chart-tools ## every test but the longer ones of `make faults`
	$(PYTEST) --quiet $(COVERAGE) tests/unit/schemas tests/unit/test_asyncapi.py
	$(PYTEST) $(PARALLEL) tests/unit $(ARGS)
	$(PYTEST) $(FILES)=3 -m "not long" tests/integration $(ARGS)
	$(PYTEST) $(FILES)=3 -m "not long" tests/e2e tests/faults $(ARGS)

check: $(ENVIRONMENT) ## style, types, layers, spelling
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/codespell
	VALIDATE_PYPROJECT_NO_NETWORK=1 .venv/bin/validate-pyproject pyproject.toml
	scripts/end-of-file

fmt: $(ENVIRONMENT) ## put the code into its form
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

unit: $(ENVIRONMENT) ## tests without a broker
	$(PYTEST) $(PARALLEL) tests/unit $(ARGS)

integration: $(ENVIRONMENT) broker postgresql nginx webhook ## tests on a real RabbitMQ and PostgreSQL
	$(PYTEST) tests/integration $(ARGS)

e2e: $(ENVIRONMENT) broker registry clients prometheus ## tests of all processes, with a real registry
	$(PYTEST) tests/e2e $(ARGS)

faults: $(ENVIRONMENT) broker postgresql ## tests that kill, stop and cut what runs, all of them
	$(PYTEST) tests/faults $(ARGS)

ground: $(ENVIRONMENT) registry clients postgresql nginx ## the tests on RabbitMQ 3.10 to 4.3, PostgreSQL 15 to 18, Python 3.11 and 3.14, nginx 1.22 to 1.30, unpacked into .cache
	scripts/ground all $(ARGS)

ground-brief: $(ENVIRONMENT) postgresql # what continuous integration runs of it, on RabbitMQ 4.3 and PostgreSQL 18
	scripts/ground brief $(ARGS)

canary: $(ENVIRONMENT) broker postgresql ## faults and bad input with marked secrets, then a search for the marks
	$(PYTEST) tests/unit/test_canary.py tests/integration/deliverer/test_secrets.py tests/faults/test_canary.py $(ARGS)

containers: $(ENVIRONMENT) chart-tools ## the image and compose.yaml on a Docker engine: this machine's, or one of Debian packages (root, 3 GB)
	$(if $(ARGS),,PORTCALL_TEST_RUNS=docs/support/containers.jsonl PORTCALL_TEST_RUN=containers) \
		$(PYTEST) tests/containers --timeout=1800 $(ARGS)

containers-brief: $(ENVIRONMENT) # what continuous integration runs of it: the image, up, events, a kill, down and up
	$(PYTEST) tests/containers -m brief --timeout=1800 $(ARGS)

chart: $(ENVIRONMENT) chart-tools ## the Helm chart in every combination of its values, with the real helm, unpacked into .cache
	$(PYTEST) $(PARALLEL) tests/unit/deploy $(ARGS)

azure: $(ENVIRONMENT) broker registry ## tests with the real az and Azure's SDK, which it installs (900 MB, once)
	@scripts/azure-environments
	$(PYTEST) $(FILES)=2 -m azure tests/azure $(ARGS)

browser: $(BROWSER) chromium broker registry dashboard-page ## tests of the console, load tests' pages and dashboards in a real Chromium, which it installs
	$(PYTEST) $(FILES)=2 tests/browser $(ARGS)

screenshots: $(BROWSER) chromium broker dashboard-page ## every page of the console and the dashboards, light and dark, into build/screenshots
	$(PYTHON) -m tests.browser.grafana.pictures
	$(PYTHON) -m tests.browser.screenshots $(ARGS)

bench: $(ENVIRONMENT) broker ## measure, and write docs/performance.md
	$(PYTHON) benchmarks/run.py $(ARGS)

# -- change it

.PHONY: docs lock assets build sbom advisories clean
docs: $(ENVIRONMENT) ## write docs/asyncapi.yaml, docs/openapi-*.json, docs/cli.md, docs/support.md, docs/scale.md, the samples in docs/sources/ and docs/formats.md, Grafana's dashboards and deploy/kubernetes/ anew
	$(PYTHON) scripts/asyncapi.py >docs/asyncapi.yaml
	$(PYTHON) scripts/openapi.py management >docs/openapi-management.json
	$(PYTHON) scripts/openapi.py producer >docs/openapi-producer.json
	$(PYTHON) scripts/cli_reference.py >docs/cli.md
	$(PYTHON) scripts/source_pages.py
	$(PYTHON) scripts/format_pages.py
	$(PYTHON) scripts/support_page.py
	$(PYTHON) scripts/unit_costs.py
	$(PYTHON) scripts/scale_page.py
	$(PYTHON) scripts/dashboards.py
	@scripts/chart-tools
	$(PYTHON) scripts/plain_manifests.py

lock: ## write requirements/ anew from pyproject.toml (ARGS=--upgrade: with the newest versions)
	scripts/lock $(ARGS)

assets: ## fetch the console's libraries anew, as vendor/versions.json names them (needs npm)
	scripts/console-assets

build: $(ENVIRONMENT) ## build a wheel into dist/
	rm -rf build/lib build/bdist.* # what was moved or removed since would come along
	$(PYTHON) -m pip wheel --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

sbom: $(ENVIRONMENT) ## write dist/portcall.cdx.json, a CycloneDX list of what runs
	@scripts/supply-chain sbom

advisories: $(ENVIRONMENT) ## ask the advisory service about every locked package (needs the network)
	@scripts/supply-chain advisories

clean: ## remove what make has made (not .portcall, where the data is)
	rm -rf .venv .cache build dist *.egg-info .coverage .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# -- what the targets need

# The script looks at what .venv was made of, so it runs each time: a changed lock, an interrupted
# installation or a moved folder is seen whatever the times of files say.
.PHONY: $(RUNTIME) $(ENVIRONMENT) $(BROWSER)
$(RUNTIME) $(ENVIRONMENT) $(BROWSER): environment-%:
	@scripts/environment $*

.PHONY: broker registry clients postgresql nginx webhook prometheus chart-tools chromium dashboard-page
broker:
	@scripts/debian-packages rabbitmq-server

registry:
	@scripts/debian-packages --optional docker-registry skopeo

clients:
	@scripts/debian-packages --optional buildah podman
	@scripts/registry-clients

postgresql:
	@scripts/debian-packages postgresql

nginx:
	@scripts/debian-packages --optional nginx-light

webhook:
	@scripts/webhook-root 2.8 >/dev/null || [ $$? = 3 ]

prometheus:
	@scripts/debian-packages --optional prometheus

chart-tools:
	@scripts/chart-tools

chromium:
	@scripts/debian-packages chromium

dashboard-page:
	@scripts/debian-packages --optional nodejs npm
	@scripts/dashboard-page
