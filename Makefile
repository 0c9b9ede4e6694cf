# `make demo` and `make test` do all the set-up; everything is installed into .venv only.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
TOOLS := .browser-tools
CHECKERS := axe-core@4.14.1 vnu-jar@26.9.27
PACKAGES := src model circuits backends analysis runner
# The strict editable install links file by file, so it is repeated when the list of files changes.
FILES := $(sort $(shell find $(PACKAGES) -name '*.py' -o -name '*.toml' -o -name 'py.typed' -o -path '*/templates/*'))
LISTED := $(VENV)/.files-$(shell printf '%s\n' $(FILES) | cksum | cut -d' ' -f1)

.PHONY: demo check test test-slow test-browser lint docs faults format bench bench-full clean

demo: $(VENV)/.core $(LISTED)
	$(BIN)/bellqueue run --seed 2026

test: $(VENV)/.dev $(LISTED)
	$(BIN)/python -m pytest -q -m "not slow and not browser and not pages" -n 2 --dist loadfile

# The everyday tests, without runner, pages and whatever is slow.
check: $(VENV)/.dev $(LISTED)
	$(BIN)/python -m pytest -q -m "not slow and not browser and not pages" -n 2 --dist loadfile \
		tests/model tests/circuits tests/backends tests/analysis tests/test_architecture.py

test-slow: $(VENV)/.dev $(LISTED)
	$(BIN)/python -m pytest -q -m slow -n 2 --dist worksteal

# Reports and the pages of docs/ in the system's Chromium, which is not installed here (Debian: chromium), and before the
# checkers, which npm installs. BELLQUEUE_BROWSER=required makes the absence of what a test needs a failure,
# BELLQUEUE_SCREENSHOTS=FOLDER keeps what the reports look like.
test-browser: docs $(TOOLS)/.installed
	$(BIN)/python -m pytest -q -m "browser or pages" tests/browser tests/docs -n 2 --dist loadfile

lint: $(VENV)/.dev $(LISTED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p bellqueue
	$(BIN)/mypy tests benchmarks docs/extensions

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The pages of docs/, strictly, into docs/_build/html.
docs: $(VENV)/.dev $(LISTED)
	rm -rf docs/api docs/_build
	$(BIN)/python -m sphinx -q -W --keep-going -n -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# What breaks at a provider or kills the process, and what one `bellqueue fetch` makes of it: two tables.
faults: $(VENV)/.dev $(LISTED)
	$(BIN)/python -m tests.cloud.print_tables

# Every speed claim beside the tool one would use instead; both rewrite the tables of benchmarks/README.md.
bench: $(VENV)/.bench $(LISTED)
	$(BIN)/python -m benchmarks

bench-full: $(VENV)/.bench $(LISTED)
	$(BIN)/python -m benchmarks --full

$(VENV)/.core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) "setuptools>=77" wheel
	$(PIP) --no-build-isolation -e . --config-settings editable_mode=strict
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --no-build-isolation -e ".[all,dev,docs]" --config-settings editable_mode=strict
	touch $@

# toqito pins other versions of numpy, cvxpy and matplotlib; it runs with these, but is kept apart so that they stay.
$(VENV)/.bench: $(VENV)/.dev
	$(PIP) --no-build-isolation -e ".[bench]" --config-settings editable_mode=strict
	$(PIP) --no-deps --upgrade --target $(VENV)/toqito toqito more-itertools picos cvxopt
	touch $@

# What checks pages comes from npm, where there is one.
$(TOOLS)/.installed: Makefile
	! command -v npm >/dev/null || npm install --loglevel=error --no-audit --no-fund --ignore-scripts --prefix $(TOOLS) $(CHECKERS)
	mkdir -p $(TOOLS)
	touch $@

$(VENV)/.files-%: | $(VENV)/.core
	rm -f $(VENV)/.files-*
	$(PIP) --no-build-isolation --no-deps -e . --config-settings editable_mode=strict
	touch $@

clean:
	rm -rf $(VENV) $(TOOLS) build dist *.egg-info docs/api docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis
