# make run     set up and train the digits on 2 Ray workers
# make test    set up, check style and types, and test: each promise once (about 12 minutes on 2 cores)
# make check   set up and run the tests marked `check`, which CI runs after make test: the same promises
#              under chaos, in network namespaces, on PostgreSQL, with more examples (about 27 minutes)
# make lint    set up and check format, style and types
# make bench   set up and measure speed
# make soak    set up and run the long tests (about 40 minutes on 2 cores)
# make image   build the container image (docker/README.md)
# make chaos   set up and kill processes of 60 runs (about an hour on 2 cores)
# make newest  set up with the newest packages, not with those of docker/constraints.txt
# make lock    write docker/constraints.txt anew (docker/README.md)

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
# pip compiles on one core; some packages have files that are no Python.
COMPILE := $(BIN)/python -m compileall -q -j 0 .venv/lib > /dev/null || true
IMAGE ?= distnet
BUILDER ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))
PYTEST := $(BIN)/python -m pytest -n 2 --no-loadscope-reorder
RUN := .venv/.run
TEST := .venv/.test
CHECK := .venv/.check

.PHONY: run test check lint bench soak chaos image newest lock clean

run: $(RUN)
	$(BIN)/distnet run jobs/digits.yaml

test: $(TEST) lint
	$(PYTEST)

check: $(CHECK) .mlflow/bin/mlflow
	$(PYTEST) -m 'check and not soak'

lint: $(TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(CHECK)
	$(BIN)/python -m tests.bench.digits

soak: $(CHECK)
	$(BIN)/python -m pytest -s -m soak

chaos: $(RUN)
	$(BIN)/distnet chaos jobs/digits.yaml --kill worker,controller,driver,raylet --trials 60 --seed 1 --set checkpoint.every_steps=200

image:
	@test -n "$(BUILDER)" || { echo "make image needs docker, podman or buildah"; exit 1; }
	$(BUILDER) build $(BUILD_FLAGS) --file docker/Dockerfile --tag $(IMAGE) \
		$(foreach name,BASE TORCH_WHEELS USER_ID GROUP_ID,$(if $($(name)),--build-arg $(name)=$($(name)))) .

clean:
	rm -rf .venv .mlflow .uv

# What each of the three needs, beside what distnet itself does: extras of pyproject.toml.
$(RUN): EXTRAS :=
$(TEST): EXTRAS := dev
$(CHECK): EXTRAS := check
$(TEST): $(RUN)
$(CHECK): $(TEST)

$(RUN) $(TEST) $(CHECK): pyproject.toml docker/constraints.txt docker/requirements.py | $(BIN)/python
	@echo "setting up .venv for make $(@:.venv/.%=%)"
	@$(BIN)/python docker/requirements.py $(EXTRAS) > $@.txt
	@$(PIP) --no-deps --require-hashes --requirement $@.txt || { echo "$(NEWEST)"; exit 1; }
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(COMPILE)
	@touch $@

NEWEST = could not install what docker/constraints.txt names (see above). \
	If your package index has other versions or files: make newest

newest: $(BIN)/python
	@$(PIP) --upgrade --upgrade-strategy eager --editable '.[check]'
	@$(COMPILE)
	@touch $(RUN) $(TEST) $(CHECK)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "distnet needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv

# An environment of its own: MLflow's server needs an older pyarrow.
.mlflow/bin/mlflow: | $(CHECK)
	@$(PYTHON) -m venv .mlflow
	@.mlflow/bin/python -m pip install --quiet --disable-pip-version-check 'mlflow>=3.1'

# uv finds versions for all systems and Pythons at once; pip could do so only for its own.
lock: .uv/bin/uv
	@$(PYTHON) docker/requirements.py --ranges check | .uv/bin/uv pip compile --quiet --upgrade \
		--universal --python-version 3.11 --generate-hashes --no-header --no-emit-package pip \
		--output-file docker/constraints.txt -

.uv/bin/uv:
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv
