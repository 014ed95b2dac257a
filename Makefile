# Two commands do all the set-up: `make demo` and `make test`. Everything is installed into .venv.
# While you work: `make quick` checks what matters most in three minutes. `make fuzz SECONDS=600`
# reads hostile files for as long as asked (an hour by default).

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: demo test quick lint fuzz bench bench-large docs clean

demo: $(VENV)/.installed
	$(BIN)/detbench demo --output demo

test: $(VENV)/.installed-dev lint
	$(PYTEST)

quick: $(VENV)/.installed-dev lint
	$(PYTEST) -m "not slow"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet tests/test_prose.py tests/test_house.py

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.hostile.fuzz.driver --seconds $(or $(SECONDS),3600) $(and $(SEED),--seed $(SEED))

bench: $(VENV)/.installed-peers
	$(BIN)/python tests/benchmarks/peers.py
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only

bench-large: $(VENV)/.installed-peers
	$(BIN)/python tests/benchmarks/large.py

docs: demo $(VENV)/.installed-dev
	cp demo/report.html docs/demo-report.html
	$(BIN)/zensical build --strict

clean:
	rm -rf $(VENV) demo dist site docs/demo-report.html

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	$(INSTALL) '.[keras,onnx]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml
	$(INSTALL) '.[dev]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-peers: $(VENV)/.made pyproject.toml
	$(INSTALL) '.[dev,peers]'
	touch $@ $(VENV)/.installed $(VENV)/.installed-dev
