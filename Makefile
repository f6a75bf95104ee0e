# make study   install, then run the first study (about five minutes on two cores)
# make test    install, then run the tests
# make chaos   hundreds of kills, about an hour; KDSTUDY_CHAOS_KILLS=N and KDSTUDY_CHAOS_SEED=S to choose
# make bench   what is said of speed and memory, into bench-results/ (KDSTUDY_BENCH_DATA: folder of a task)
# make check   style and types
PYTHON ?= python3
BIN := .venv/bin
# The pinned torch comes first and alone: a range would resolve to the newest CUDA build.
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)

.PHONY: install study test test-slow chaos bench check clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "kdstudy needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check "torch==$(TORCH)"
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

study: install
	$(BIN)/kdstudy run quickstart

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not chaos"

test-slow: install
	$(BIN)/python -m pytest -m "slow and not chaos"

chaos: install
	$(BIN)/python -m pytest -s -m chaos tests/chaos

bench: install
	$(BIN)/python -m tests.benchmarks.resume 1000
	$(BIN)/python -m tests.benchmarks.orchestration
	$(BIN)/python -m tests.benchmarks.memory
	$(BIN)/python -m tests.benchmarks.report
	$(BIN)/python -m tests.benchmarks.calibration
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev,bench]"
	$(BIN)/python -m tests.benchmarks.trainer_baseline
	$(BIN)/python -m pip uninstall -q -y accelerate
	$(BIN)/python -m tests.benchmarks.machine
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; \
		then $(BIN)/python -m tests.benchmarks.gpu; else echo "no GPU: tests.benchmarks.gpu left out"; fi

check: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
