# make demo: see it work. make quick: what to run while changing something. make test: everything, as CI does.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Tests wait more than they compute: two for each core.
WORKERS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
TESTS = $(BIN)/pytest -n $(WORKERS) --dist worksteal

.PHONY: demo quick test lint update lock bench pictures clean

demo: $(VENV)/.lab
	$(BIN)/tenantcheck demo

quick: lint
	$(TESTS) -m "not lab and not statistics and not browser and not spark"

# Coverage is that of the tests which start no processes and repeat nothing: asking the others for it doubles their time.
test: lint
	$(TESTS) -m "not lab and not statistics and not browser and not spark" --cov --cov-report=term:skip-covered --cov-fail-under=95
	$(TESTS) -m "lab or statistics or browser or spark"

lint: $(VENV)/.dev
	$(BIN)/ruff check tenantcheck tests examples benchmarks
	$(BIN)/ruff format --check tenantcheck tests examples benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

# writes the expected reports and the page of the checks anew
update: $(VENV)/.dev
	UPDATE_GOLDEN=1 $(BIN)/pytest tests/reports tests/judge/checks/test_documentation.py tests/logs/test_documentation.py

# the newest versions of everything, for PIP_CONSTRAINT; to be committed when the tests have passed with them
lock: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --no-emit-index-url --no-annotate \
	  --no-header pyproject.toml --output-file .ci/dev.lock

# speed beside peers; writes benchmarks/SPEED.md and speed.json (apt-get install nginx-light wrk hey hyperfine), and the
# cost of hostile answers into SECURITY.md; prints how large the HTML report is and how fast it loads (chromium); scans logs
# beside other tools, into benchmarks/LOGS.md (ripgrep, jq, default-jre-headless)
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.speed --write
	$(BIN)/python -m benchmarks.limits --write
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.logs --write
	$(BIN)/python -m benchmarks.lint --write

# the pictures of the README
pictures: $(VENV)/.lab
	$(BIN)/python -m benchmarks.pictures

$(VENV)/.bench: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@

$(VENV)/.lab: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[lab]'
	touch $@

$(VENV)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
