# Everything a newcomer needs: 'make demo' and 'make test'. 'make help' lists the rest.

PYTHON ?= python3
UV_VERSION := 0.13.9
TOOLS := .tools
UV := $(TOOLS)/bin/uv
ENVIRONMENT := .venv
DEMO_ENVIRONMENT := .venv-demo
PORT ?= 8765
ARGS ?=
WORKERS ?= 3
# Threads that wait for work without spinning: the test workers share the cores. Three keep two cores busy: a test that
# looks at a page or kills a process mostly waits.
export OMP_WAIT_POLICY ?= passive
export UV_PYTHON_DOWNLOADS := never
# Modules are compiled once here; where Python may not keep its bytecode, each start would compile them anew (2 s).
export UV_COMPILE_BYTECODE := 1

.PHONY: help demo test lint types layers pytest format bench wheel sbom audit screenshots references clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

demo: $(DEMO_ENVIRONMENT)/.ready  ## Chicago, from file to finding; opens http://127.0.0.1:8765 (ARGS=--no-serve prints and exits)
	$(DEMO_ENVIRONMENT)/bin/cityward demo --port $(PORT) $(ARGS)

test: $(ENVIRONMENT)/.ready lint layers  ## lint, types, layers and every test, with real services
	@$(MAKE) --no-print-directory --jobs=2 types pytest

lint: $(ENVIRONMENT)/.ready  ## rules and form of the code
	$(ENVIRONMENT)/bin/ruff check .
	$(ENVIRONMENT)/bin/ruff format --check .

types: $(ENVIRONMENT)/.ready
	$(ENVIRONMENT)/bin/mypy

layers: $(ENVIRONMENT)/.ready
	$(ENVIRONMENT)/bin/lint-imports

# In the order of the folders: xdist would keep files of few tests, which are the long ones, for the end, and one
# worker would wait for the other.
pytest: $(ENVIRONMENT)/.ready
	scripts/with-services $(ENVIRONMENT)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

format: $(ENVIRONMENT)/.ready  ## put the code in its usual form
	$(ENVIRONMENT)/bin/ruff check --fix .
	$(ENVIRONMENT)/bin/ruff format .

bench: $(ENVIRONMENT)/.ready  ## measure, and write benchmarks/RESULTS.md
	$(ENVIRONMENT)/bin/python benchmarks/run.py $(ARGS)

wheel: $(UV)  ## build dist/cityward-*.whl
	$(UV) build --wheel

sbom: $(ENVIRONMENT)/.ready  ## list what a release is made of: dist/cityward-VERSION.cdx.json (CycloneDX)
	scripts/sbom $(ENVIRONMENT)/bin

audit: $(ENVIRONMENT)/.ready  ## ask for known vulnerabilities of what uv.lock names
	scripts/audit $(ENVIRONMENT)/bin

screenshots: $(ENVIRONMENT)/.ready  ## make the pictures of the docs from a running demonstration
	scripts/with-services scripts/screenshots $(ENVIRONMENT)/bin

references: $(ENVIRONMENT)/.ready  ## write docs/reference (commands, OpenAPI) from the code
	$(ENVIRONMENT)/bin/python docs/write_references.py

clean:  ## remove everything that was made here
	rm -rf $(TOOLS) $(ENVIRONMENT) $(DEMO_ENVIRONMENT) dist demo-city .cache .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cityward needs Python 3.11 or newer; '$(PYTHON)' is older. Use 'make PYTHON=python3.12 …'."; exit 2; }
	@$(PYTHON) -m venv $(TOOLS) || { echo "'$(PYTHON) -m venv' failed. On Debian: apt-get install python3-venv."; rm -rf $(TOOLS); exit 2; }
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(DEMO_ENVIRONMENT)/.ready: $(UV) pyproject.toml uv.lock
	UV_PROJECT_ENVIRONMENT=$(DEMO_ENVIRONMENT) $(UV) sync --quiet --frozen --no-dev --extra learn --extra release --extra access --python $(PYTHON)
	@touch $@

$(ENVIRONMENT)/.ready: $(UV) pyproject.toml uv.lock
	UV_PROJECT_ENVIRONMENT=$(ENVIRONMENT) $(UV) sync --quiet --frozen --all-extras --python $(PYTHON)
	@touch $@
