# make run    set up and train the digits on 2 Ray workers
# make test   set up, check style and types, and test: each promise once (about 12 minutes on 2 cores)
# make check  set up and run the tests marked `check`, which CI runs after make test: the same promises
#             under chaos, in network namespaces, on PostgreSQL, with more examples (about 27 minutes)
# make lint   set up and check format, style and types
# make bench  set up and measure speed
# make soak   set up and run the long tests (about 40 minutes on 2 cores)
# make image  build the container image (docker/README.md)
# make chaos  set up and kill processes of 60 runs (about an hour on 2 cores)

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
IMAGE ?= distnet
BUILDER ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))
PYTEST := $(BIN)/python -m pytest -n 2 --no-loadscope-reorder

.PHONY: run test check lint bench soak chaos image clean

run: $(READY)
	$(BIN)/distnet run jobs/digits.yaml

test: $(READY) lint
	$(PYTEST)

check: $(READY) .mlflow/bin/mlflow
	$(PYTEST) -m 'check and not soak'

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# An environment of its own: MLflow's server needs an older pyarrow.
.mlflow/bin/mlflow: $(READY)
	@$(PYTHON) -m venv .mlflow
	@.mlflow/bin/python -m pip install --quiet --disable-pip-version-check 'mlflow>=3.1'

bench: $(READY)
	$(BIN)/python -m tests.bench.digits

soak: $(READY)
	$(BIN)/python -m pytest -s -m soak

chaos: $(READY)
	$(BIN)/distnet chaos jobs/digits.yaml --kill worker,controller,driver,raylet --trials 60 --seed 1 --set checkpoint.every_steps=200

image:
	@test -n "$(BUILDER)" || { echo "make image needs docker, podman or buildah"; exit 1; }
	$(BUILDER) build $(BUILD_FLAGS) --file docker/Dockerfile --tag $(IMAGE) \
		$(foreach name,BASE TORCH_WHEELS USER_ID GROUP_ID,$(if $($(name)),--build-arg $(name)=$($(name)))) .

clean:
	rm -rf .venv .mlflow

$(READY): pyproject.toml
	@echo "setting up .venv (a few minutes the first time: torch is large)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "distnet needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
