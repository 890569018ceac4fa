# The tasks of a newcomer and of a developer; `make help` lists them.
# Needs Python 3.11 or newer with venv, and make. The network is used for packages alone.

PYTHON ?= python3
# One release of PyTorch, named in every call of pip, so that no dependency brings another build.
TORCH ?= torch==2.13.0
# Tests at the same time. Three on two cores took longer: each has its own fixtures.
WORKERS ?= 2
# Threads of one test that wait for each other must not spin on the cores of the other's.
export OMP_WAIT_POLICY ?= PASSIVE
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check bench dist bundle lowest site clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Train, distil, locate, evaluate and report on drawn films (5 to 20 minutes).
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh runs/demo.sh demo

test: $(INSTALLED) ## Run the tests; those of the browser or of real films only where these are.
	$(BIN)/python -m pytest -q -n $(WORKERS)

check: $(INSTALLED) ## Check format, lint, complexity and types, then run the tests (documented commands too).
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(WORKERS)

bench: $(INSTALLED) ## Measure what docs/performance.md claims.
	@set -e; for script in benchmarks/*.py; do echo "$$script"; $(BIN)/python "$$script"; done

dist: $(INSTALLED) ## Build sdist and wheel twice, check them, and use the wheel in a fresh environment.
	@PYTHON="$(CURDIR)/$(BIN)/python" bash runs/dist.sh dist

bundle: dist ## Make folders of wheels from which tbspot is installed without a network (docs/install.md).
	@$(BIN)/python runs/bundle.py dist/tbspot-*.whl bundle $(if $(BUNDLE_PYTHON),--python $(BUNDLE_PYTHON))

lowest: $(INSTALLED) ## Run the fast tests with the lowest versions that pyproject.toml allows.
	@PYTHON="$(CURDIR)/$(BIN)/python" bash runs/lowest.sh

site: $(INSTALLED) ## Build the documentation as a site: site/index.html, which opens without a network.
	$(BIN)/python -m mkdocs build --strict --quiet

clean: ## Remove the demo and the tools' caches; .venv stays.
	rm -rf demo site dist bundle .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests runs -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet '$(TORCH)'
	$(BIN)/python -m pip install --quiet '$(TORCH)' --editable '.[train,hospital,cluster,parquet,test,release,docs]'
	touch $@
