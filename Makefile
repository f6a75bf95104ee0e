# Targets and what they do: `make help`.
PYTHON ?= python3
BIN := .venv/bin
# The pinned torch comes first and alone: a range would resolve to the newest CUDA build.
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
# Files go to the two workers as wholes, in the order of tests/lanes.py.
TWO := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help install study quick test test-long test-all test-slow test-cluster chaos bench check clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1|/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r target does; do \
		printf 'make %-12s %s\n' "$$target" "$$does"; done

install: .venv/.installed  ## everything that the other targets need, into .venv

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "kdstudy needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check "torch==$(TORCH)"
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

study: install  ## run the first study (about five minutes on two cores)
	$(BIN)/kdstudy run quickstart

quick: install  ## the tests that start no process and no Ray (about three minutes on two cores)
	$(BIN)/python -m pytest $(TWO) --quick -m "not slow and not chaos and not cluster"

test: install  ## all tests but the long and slow ones; FILE=tests/ledger/test_lease.py (or one test's id) for it alone
ifdef FILE
	$(BIN)/python -m pytest $(if $(findstring ::,$(FILE)),,-m "not slow and not chaos and not cluster") "$(FILE)"
else
	$(BIN)/python -m pytest $(TWO) -m "not long and not slow and not chaos and not cluster"
endif

test-long: install  ## studies that are killed, and servers that go away, some minutes in all
	$(BIN)/python -m pytest $(TWO) -m "long and not slow and not chaos"

test-all: install  ## the tests of test and test-long together: for CI
	$(BIN)/python -m pytest $(TWO) -m "not slow and not chaos and not cluster"

test-slow: install  ## the slow tests, one at a time
	$(BIN)/python -m pytest -m "slow and not chaos"

test-cluster: install  ## studies under Slurm, on several hosts, on a team's servers (as root; half an hour)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev,jobs]"
	$(BIN)/python -m pytest -m cluster tests/cluster

chaos: install  ## hundreds of kills, about an hour; KDSTUDY_CHAOS_KILLS=N and KDSTUDY_CHAOS_SEED=S to choose
	$(BIN)/python -m pytest -s -m chaos tests/chaos

bench: install  ## what is said of speed and memory, into bench-results/ (KDSTUDY_BENCH_DATA: folder of a task)
	$(BIN)/python -m tests.benchmarks.resume 1000
	$(BIN)/python -m tests.benchmarks.orchestration
	$(BIN)/python -m tests.benchmarks.wall
	$(BIN)/python -m tests.benchmarks.memory
	$(BIN)/python -m tests.benchmarks.node_start
	$(BIN)/python -m tests.benchmarks.report
	$(BIN)/python -m tests.benchmarks.calibration
	$(BIN)/python -m tests.benchmarks.sweeps
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev,bench]"
	$(BIN)/python -m tests.benchmarks.trainer_baseline
	$(BIN)/python -m pip uninstall -q -y accelerate
	$(BIN)/python -m tests.benchmarks.machine
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; \
		then $(BIN)/python -m tests.benchmarks.gpu; else echo "no GPU: tests.benchmarks.gpu left out"; fi

check: install  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:  ## remove .venv and what the tools leave behind
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
