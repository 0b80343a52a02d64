# The two commands of the README: `make demo` and `make test`. Each sets up what it needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test check unit clean

pip = .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
requirements = constraints.txt requirements.txt study/requirements.txt codec/requirements.txt analysis/requirements.txt

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/runtime ## the whole ring on photographs that come with a dependency: stimuli, a study, its page
	@.venv/bin/python manage.py demo $(ARGS)

test: check unit ## everything that CI checks: linters, types, arrows, tests on both databases and in a browser

check: .venv/tests ## linters, types and the arrows between the rooms
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

unit: .venv/tests ## the tests alone; ARGS="tests/analysis -k ratings" runs a part
	@CHROMIUM=$$(scripts/find-chromium) || exit 1; export CHROMIUM; scripts/with-postgres .venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

.venv/bin/python:
	@python=$$(scripts/find-python) || exit 1; echo "Making .venv with $$python"; "$$python" -m venv .venv

.venv/runtime: .venv/bin/python $(requirements)
	@echo "Installing the pinned requirements (some 6 GB with torch; minutes)"
	@$(pip) -r requirements.txt
	@touch $@

.venv/tests: .venv/runtime requirements-dev.txt
	@$(pip) -r requirements-dev.txt
	@touch $@

clean: ## remove what was made here: .venv, the demo, caches
	rm -rf .venv demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
