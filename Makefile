# Every target sets up .venv by itself, and again only when the requirements change.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint docs dist bench notebooks mutate clean

demo: $(READY)
	$(BIN)/interp demo

# One thread a worker: the tests' networks are small, and there is a worker for every core. Compiled
# files are kept, whatever the environment says: the tests start many processes.
test: lint
	PYTHONDONTWRITEBYTECODE= SEEN=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# What is uploaded: sdist and wheel in dist/, the wheel made of the sdist, both checked.
dist: $(READY)
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

# The guide as a site, with every measure, option and public name: build/site/index.html.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

# The notebooks' outputs anew, in some minutes; pictures need a Chromium.
notebooks: $(READY)
	$(BIN)/python -m tests.notebooks

# Which slips of the hand would the tests notice? Of a hundred lines of each package, or, with
# `make mutate ARGS="--base main"`, of every line of the files that differ from a commit.
mutate: $(READY)
	$(BIN)/python -m tests.mutate $(ARGS)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dip,ray,xarray,explorer,images,planes,hub,cleanlab,docs,dev]'
	touch $(READY)

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .mutate .coverage
