# make demo: set up and run the main job on an example deal. make test: set up and run the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test engines soak check wheel bench picture clean

demo: $(READY)
	$(BIN)/dealready next facts/examples/steel-rolling-line.yaml

test: $(READY)
	$(BIN)/python -m pytest

engines: $(READY)
	$(BIN)/python -m pip install --quiet --editable '.[postgres,spark]'
	DEALREADY_SPARK=1 $(BIN)/python -m pytest -n 1 tests/test_other_engines.py

soak: $(READY)
	DEALREADY_EXAMPLES=10000 DEALREADY_SAMPLE=10000 DEALREADY_KILLS=200 DEALREADY_EVERY=1 $(BIN)/python -m pytest

check: $(READY) .typing/dealready
	$(BIN)/ruff check .
	$(BIN)/mypy -p dealready.facts -p dealready.rules -p dealready.engine -p dealready.render -p dealready.interview -p dealready.batch -p dealready.coach -p dealready.commands -m dealready.cli

bench: $(READY)
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/score.py
	$(BIN)/python benchmarks/impact.py

picture: $(READY)
	$(BIN)/python docs/picture.py

wheel: $(READY)
	rm -rf build dist *.egg-info
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dealready needs Python 3.11 or later; try: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

.typing/dealready:
	mkdir -p .typing
	ln -s .. $@

clean:
	rm -rf $(VENV) .typing build dist *.egg-info
