# What a newcomer needs: `make up` and `make test`. Everything else is for those who work on it.
PYTHON ?= python3.11
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py

.DEFAULT_GOAL := help
.PHONY: help up down test lint format bench chaos vendor lock messages

help:  ## Show this list.
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/runtime.stamp: requirements.txt
	@test -x $(BIN)/python || $$(command -v $(PYTHON) || command -v python3) -m venv $(VENV)
	@echo "Installing what the product needs (once; some minutes on a slow line)."
	@$(BIN)/python deploy/require_python.py
	@$(BIN)/python deploy/install.py requirements.txt
	@touch $@

$(VENV)/tests.stamp: $(VENV)/runtime.stamp tests/requirements.txt deploy/test-packages.txt tests/js/package-lock.json
	@echo "Installing what the tests need."
	@$(BIN)/python deploy/install.py tests/requirements.txt
	@$(BIN)/python -m tests.js.tools install
	@sh deploy/install-test-packages.sh
	@touch $@

up: $(VENV)/runtime.stamp  ## Start everything with the demo and serve it. PORT=8000, DETACH=1.
	@$(MANAGE) up --port $(PORT) $(if $(DETACH),--detach)

down: $(VENV)/runtime.stamp  ## Stop what `make up DETACH=1` started.
	@$(MANAGE) down

test: $(VENV)/tests.stamp  ## Run all tests on real engines and a real browser. ARGS="-k word".
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=20 $(ARGS)

lint: $(VENV)/tests.stamp  ## Check style, types, scripts, layers, templates and migrations.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djade --target-version 5.2 --check $$(git ls-files 'templates/*.html')
	@$(BIN)/lint-imports
	@$(BIN)/mypy .
	@$(BIN)/python -m tests.js.tools lint
	@$(BIN)/python -m tests.js.tools types
	@DJANGO_SETTINGS_MODULE=config.settings.test $(MANAGE) makemigrations --check --dry-run

format: $(VENV)/tests.stamp  ## Bring code and templates into the house form.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

bench: $(VENV)/tests.stamp  ## Measure the budgets, each beside its floor.
	@$(BIN)/python -m benchmarks

chaos: $(VENV)/tests.stamp  ## Kill processes while messages flow, and count every message after.
	@$(BIN)/python -m pytest -m chaos -n 0 -s tests/chaos

vendor:  ## Fetch the browser libraries of package.json into static/vendor/.
	@python3 deploy/vendor.py

lock: $(VENV)/tests.stamp  ## Write the lock files anew from pyproject.toml.
	@$(BIN)/uv pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-emit-find-links --no-header -q -o requirements.txt
	@$(BIN)/uv pip compile --group dev -c requirements.txt --python-version 3.11 --generate-hashes --no-emit-find-links --no-header -q -o tests/requirements.txt

messages: $(VENV)/tests.stamp  ## Extract and compile the translations.
	@$(BIN)/python deploy/messages.py
