# Warden from a checkout. `make` alone lists the targets.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
# Compiled before the tests, whose dozen processes would otherwise each do so where Python may not keep what it compiles.
PACKAGES := warden collectors scorers alembic examples

.DEFAULT_GOAL := help
.PHONY: help demo test check format messages bench likelihood news clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN_STAMP) ## Replay two years of real deliveries and serve them on 127.0.0.1:8000 (PORT=… for another).
	@$(BIN)/python examples/demo.py

test: $(DEV_STAMP) ## Install what tests need and run all of them.
	@sh tools/ensure_chromium.sh
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@$(BIN)/python -m pytest -n 3 --dist worksteal

check: $(DEV_STAMP) ## Lint, format, types, imports, size budgets, generated pages.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/budgets.py
	$(BIN)/python tools/settings_table.py --check
	$(BIN)/python tools/messages.py --check
	$(BIN)/python tools/news_model.py --check

format: $(DEV_STAMP) ## Format the code and bring the README's settings table up to date.
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	$(BIN)/python tools/settings_table.py

messages: $(DEV_STAMP) ## Collect the texts to translate into warden/locale.
	$(BIN)/python tools/messages.py

bench: $(DEV_STAMP) ## Measure throughput and scoring as ratios (minutes).
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/rescore.py
	$(BIN)/python benchmarks/alerting.py

likelihood: $(DEV_STAMP) ## Measure the likelihood beside its peers: make likelihood STREAMS=folder (docs/benchmarks.md).
	$(BIN)/python benchmarks/likelihood.py $(STREAMS)

news: $(DEV_STAMP) ## Measure how news is read beside its peers: make news NEWS=folder (docs/benchmarks.md).
	$(BIN)/python benchmarks/news.py $(NEWS)

clean: ## Remove everything that was made here, the example's data included.
	rm -rf $(VENV) .bench .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(RUN_STAMP): pyproject.toml constraints.txt
	@$(PYTHON) tools/make_venv.py $(VENV)
	@echo "Installing Warden into $(VENV) (about two minutes the first time) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt
	@$(PYTHON) tools/make_venv.py $(VENV)
	@echo "Installing Warden and its development tools into $(VENV) (a few minutes the first time) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[postgresql,test,check]"
	@touch $(RUN_STAMP) $@
