# Needs Python and a package index; MinIO, for the S3 tests, needs Go besides. All else is
# installed into this folder. `make help` lists what there is.

PYTHON ?= python3
SEEDS ?= 300
KILLS ?= 20
JOBS ?= 2
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
BENCH := .bench
READERS := .readers
FRAMEWORKS := .frameworks
MLFLOW := .mlflow
SPARK := .spark
TRACKERS := .trackers
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --upgrade

.DEFAULT_GOAL := help
.PHONY: help install readers frameworks mlflow minio demo test check format bench bench-portal bench-server simulate crash docs lock clean \
	chromium test-frameworks-torch test-interchange test-long test-portal test-spark test-catalog python-version

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

python-version:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else \
	"mere needs Python 3.11 or newer, and $(PYTHON) is %d.%d; say make PYTHON=python3.12" % v[:2])'

install: $(VENV)/.installed ## install mere and all its tools into .venv

# $(1): folder of the environment, $(2): its lock file
define environment
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	$(1)/bin/uv pip sync --quiet --python $(1)/bin/python --require-hashes $(2) \
		requirements/bootstrap.txt
endef

# The project itself is installed with the locked hatchling, so nothing comes without its hash.
define project
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python --no-deps --no-build-isolation -e .
	@touch $(1)/.installed
endef

$(VENV)/.installed: requirements/bootstrap.txt requirements/dev.txt pyproject.toml | python-version
	$(call environment,$(VENV),requirements/dev.txt)
	$(call project,$(VENV))

$(BENCH)/.installed: requirements/bootstrap.txt requirements/bench.txt pyproject.toml | python-version
	$(call environment,$(BENCH),requirements/bench.txt)
	$(call project,$(BENCH))

readers: $(READERS)/.installed ## install other engines that read Iceberg into .readers

$(READERS)/.installed: requirements/bootstrap.txt requirements/readers.txt | python-version
	$(call environment,$(READERS),requirements/readers.txt)
	@touch $@

frameworks: $(FRAMEWORKS)/.installed ## install training libraries, 1 GB, into .frameworks

$(FRAMEWORKS)/.installed: requirements/bootstrap.txt requirements/frameworks.txt | python-version
	$(call environment,$(FRAMEWORKS),requirements/frameworks.txt)
	@touch $@

$(FRAMEWORKS)-torch/.installed: requirements/bootstrap.txt requirements/frameworks-torch.txt \
		| python-version
	$(call environment,$(FRAMEWORKS)-torch,requirements/frameworks-torch.txt)
	@touch $@

mlflow: $(MLFLOW)/.installed ## install MLflow, which tests the server, into .mlflow

$(MLFLOW)/.installed: requirements/bootstrap.txt requirements/mlflow.txt pyproject.toml | python-version
	$(call environment,$(MLFLOW),requirements/mlflow.txt)
	$(call project,$(MLFLOW))

minio: ## build MinIO with Go into the user's cache; without Go the tests use moto
	@$(PYTHON) scripts/minio.py --optional

chromium: install ## have a Chromium for the portal's tests: Debian's, or Playwright's own
	@$(BIN)/python -m scripts.chromium

demo: install ## log real training runs into one folder and read them back with SQL
	$(BIN)/python -m examples.demo

test: install readers frameworks mlflow minio chromium ## run the whole suite
	$(BIN)/python -m scripts.portal test
	$(BIN)/python -m pytest -n $(JOBS) -q $(PYTEST_ARGS)

check: install ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.portal check types-check

format: install ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(BENCH)/.installed minio ## measure, one JSON line a figure
	MLFLOW_DISABLE_TELEMETRY=true $(BENCH)/bin/python -m benchmarks

bench-server: install mlflow minio ## measure the server beside MLflow's; MINUTES=10 for a long load
	$(BIN)/python -m benchmarks.server

$(TRACKERS)/.installed: requirements/bootstrap.txt requirements/trackers.txt | python-version
	$(call environment,$(TRACKERS),requirements/trackers.txt)
	@touch $@

bench-portal: install mlflow chromium $(TRACKERS)/.installed ## time the portal in a browser, beside other trackers' pages
	$(BIN)/python -m benchmarks.portal

simulate: install ## run the seeded simulation: make simulate SEEDS=10000
	$(BIN)/python -m tests.simulation.run --seeds $(SEEDS) --jobs $(JOBS)

crash: install minio ## kill real writers and folders: make crash KILLS=200
	$(BIN)/python -m tests.crash.run --kills $(KILLS) --store local
	$(BIN)/python -m tests.crash.run --kills $(KILLS) --store s3

docs: install ## write docs/reference from docstrings and the commands' help
	$(BIN)/python -m scripts.reference

test-long: install minio ## the tests that take minutes
	$(BIN)/python -m pytest -q -m long -n $(JOBS) $(PYTEST_ARGS)

test-portal: install chromium ## all browser tests of the portal, the long ones too; leaves .shots
	$(BIN)/python -m pytest -q -m "long or not long" -n $(JOBS) $(PYTEST_ARGS) tests/portal

test-frameworks-torch: install $(FRAMEWORKS)-torch/.installed ## Lightning and transformers; PyTorch has gigabytes
	$(BIN)/python -m pytest -q tests/frameworks/test_torch.py

$(SPARK)/.installed: requirements/bootstrap.txt requirements/spark.txt | python-version
	$(call environment,$(SPARK),requirements/spark.txt)
	@touch $@

test-spark: install $(SPARK)/.installed ## Spark reads the tables through the server; needs Java
	$(BIN)/python -m pytest -q tests/readers/test_spark.py

test-catalog: install ## tables in Iceberg's own REST catalog; needs Java and Maven
	mvn -q -B -f requirements/iceberg-rest.xml dependency:copy-dependencies \
		-DoutputDirectory=$(CURDIR)/.iceberg-rest
	$(BIN)/python -m pytest -q tests/readers/test_iceberg_rest.py

test-interchange: install $(BENCH)/.installed ## import 1,000 runs and 1M points made by MLflow itself
	$(BIN)/python -m tests.interchange.mlflow_full

lock: install ## choose the newest versions of everything and write their hashes
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) pyproject.toml -o requirements/run.txt
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --group bench -o requirements/bench.txt
	$(COMPILE) requirements/readers.in -o requirements/readers.txt
	$(COMPILE) requirements/spark.in -o requirements/spark.txt
	$(COMPILE) requirements/trackers.in -o requirements/trackers.txt
	$(COMPILE) pyproject.toml requirements/mlflow.in -o requirements/mlflow.txt
	$(COMPILE) pyproject.toml requirements/frameworks.in -o requirements/frameworks.txt
	$(COMPILE) pyproject.toml requirements/frameworks-torch.in -o requirements/frameworks-torch.txt

clean: ## remove environments, caches and builds
	rm -rf $(VENV) $(BENCH) $(READERS) $(MLFLOW) $(SPARK) $(TRACKERS) .iceberg-rest portal/node_modules $(FRAMEWORKS)* build dist .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache .coverage* .shots htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
