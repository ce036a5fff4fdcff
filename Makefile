# Every set-up goes through constraints.txt, build environments included.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types browser fuzz slow bench docs reconcile serve clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

setup: .venv/.complete ## make .venv with crossprof, the frameworks, the models to compare them by, and the tools

SCANNER := $(wildcard crossprof/ingest/event_*.[ch])

.venv/.complete: pyproject.toml setup.py constraints.txt $(SCANNER)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[all,workloads,dev]'
	@$(BIN)/python -c "from crossprof.ingest.event_scan import is_built; is_built() or print('No C compiler: Kineto JSON is read at half the speed.')"
	touch $@

demo: setup ## profile the same Transformer in every framework, compare, open the dashboard
	$(BIN)/crossprof demo

test: setup ## the fast tests, with the coverage gate; no root, no browser, no GPU
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term:skip-covered --cov-fail-under=90

lint: setup ## ruff and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: setup ## mypy (strict) and pyright
	$(BIN)/mypy
	$(BIN)/pyright

browser: setup ## the pages in a real chromium
	$(BIN)/python -m pytest -m browser tests/browser

fuzz: setup ## fuzz the readers for FUZZ_SECONDS (60), from the same FUZZ_SEED (0: another each time); what crashes, hangs or fills the memory stays in .fuzz/
	mkdir -p .fuzz/corpus
	$(BIN)/python tests/fuzz/fuzz_readers.py .fuzz/corpus tests/fuzz/corpus -dict=tests/fuzz/readers.dict -artifact_prefix=.fuzz/ \
	    -seed=$(FUZZ_SEED) -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=30 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1

slow: setup ## what is too long for `make test`: the demo, long concurrency, 5,000 runs, bombs, a clean install, ten minutes of fuzzing
	$(BIN)/python -m pytest -m slow
	$(MAKE) fuzz FUZZ_SECONDS=600 FUZZ_SEED=0

bench: setup .venv-bench/.complete ## the benchmarks, as tables, beside other tools where they install
	$(BIN)/python benchmarks/ingest.py $(BENCH)
	$(BIN)/python benchmarks/store.py
	$(BIN)/python benchmarks/overhead.py

.venv-bench/.complete: benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	PIP_CONSTRAINT=$(CURDIR)/benchmarks/requirements.txt .venv-bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt
	touch $@

docs: setup ## rewrite the generated parts of docs/
	$(BIN)/python docs/generate.py

reconcile: setup ## rewrite docs/reconciliation.md from the captures in CROSSPROF_CORPUS
	$(BIN)/python docs/reconcile.py

serve: setup ## the dashboard on the default store
	$(BIN)/crossprof serve

clean: ## remove .venv and caches
	rm -rf .venv .venv-bench .fuzz build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage*
