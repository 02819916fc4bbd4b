# Each target sets up what it needs; `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# flock, where there is one: two targets in two terminals install one after the other.
PIP := $(shell command -v flock >/dev/null && echo flock $(VENV)/lock) $(BIN)/python -m pip install --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# A stamp says from which lock the environment was last filled.
STAMPS := $(VENV)/stamps

.PHONY: help serve train doctor need-data client test check audit format docs test-container test-ray bench bench-gpu soak drill bench-training errors lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

serve: $(STAMPS)/service-$(or $(TARGET),cpu) ## serve models/ on 127.0.0.1:8000 (FIGMENT_HOST, FIGMENT_PORT); TARGET=gpu on a GPU
	exec $(BIN)/python -m service

train: need-data $(STAMPS)/training$(if $(filter gpu,$(TARGET)),-gpu) ## train on DATA=folder-or-zip; ARGS="--recipe wgan-gp --images 1M"; TARGET=gpu
	$(BIN)/python -m training fit --data "$(DATA)" $(ARGS)

doctor: need-data $(STAMPS)/training ## say what is wrong with the images in DATA=folder-or-zip
	$(BIN)/python -m training doctor "$(DATA)" $(ARGS)

need-data:
	@test -n "$(DATA)" || { echo "DATA is needed: make $(firstword $(MAKECMDGOALS)) DATA=folder-or-zip" >&2; exit 2; }

client: $(STAMPS)/client ## install the client library and the command `figment` into .venv

test: $(STAMPS)/dev ## run every test that can run here
	$(PYTEST)

check: $(STAMPS)/dev ## formatting, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy bundle service training client/figment_client
	PYTHONPATH=client $(BIN)/lint-imports

audit: $(STAMPS)/dev ## look up what the locks name in a database of known vulnerabilities
	$(BIN)/python requirements/audit.py

format: $(STAMPS)/dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMPS)/dev ## build the documentation as a site: build/docs/index.html
	PYTHONPATH=.:client $(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -W --keep-going -n -q docs build/docs

test-container: $(STAMPS)/dev ## build and run the Dockerfile and docker-compose.yml (needs Docker)
	$(PYTEST) -m docker

test-ray: $(STAMPS)/dev .venv-ray/lock.txt ## serve and train on a Ray cluster of two nodes on this machine (deploy/ray)
	$(PYTEST) -m ray

.venv-ray/lock.txt: requirements/ray.txt | $(STAMPS)/dev
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-ray
	$(BIN)/uv pip sync --quiet --require-hashes --python .venv-ray/bin/python requirements/ray.txt
	cp $< $@

bench: $(STAMPS)/dev ## measure the service, and its peers beside it (an hour); results in bench/results/
	for name in limit "limit --version 1 --name limit-version-1" rates fairness png growth startup peers plots tables; do \
	  $(BIN)/python -m bench.$$name || exit 1; done

bench-gpu: $(STAMPS)/service-gpu ## the limit on a GPU: in float32, and in what FIGMENT_PRECISION=auto chooses
	FIGMENT_DEVICE=gpu $(BIN)/python -m bench.limit --name limit-gpu-float32
	FIGMENT_DEVICE=gpu FIGMENT_PRECISION=auto $(BIN)/python -m bench.limit --name limit-gpu-auto

soak: $(STAMPS)/dev ## half an hour at 80 % load, with hang-ups, bad requests and new versions: no wrong pixel, no lost request, no growth
	$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),30)
	$(BIN)/python -m bench.plots

drill: $(STAMPS)/dev ## break the service in every way of docs/reliability.md, under load; writes its table (minutes)
	$(BIN)/python -m tests.faults

bench-training: $(STAMPS)/dev ## measure training steps against Keras's, the DCGAN tutorial's and PyTorch's (if it is installed)
	$(BIN)/python -m bench.training --recipe ns
	$(BIN)/python -m bench.training --recipe wgan-gp

errors: $(STAMPS)/dev ## write docs/errors.md from the texts of the problems
	$(BIN)/python -c 'from service.api.problem_pages import markdown; print(markdown(), end="")' > docs/errors.md

lock: $(STAMPS)/dev ## resolve requirements/*.in anew
	for name in service-cpu service-gpu training training-gpu client mp4 otel sbom kserve ray dev \
	  $(patsubst requirements/%.in,%,$(wildcard requirements/peers/*.in)); do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	    requirements/$$name.in -o requirements/$$name.txt; done

clean: ## remove the environment and caches; models/ and runs/ stay
	rm -rf $(VENV) .venv-ray .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build client/build
	find . -name __pycache__ -prune -exec rm -rf {} +

$(STAMPS):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	mkdir -p $@

$(STAMPS)/%: requirements/%.txt | $(STAMPS)
	$(PIP) --require-hashes -r $<
	touch $@

$(STAMPS)/client: requirements/client.txt client/pyproject.toml | $(STAMPS)
	$(PIP) --require-hashes -r requirements/client.txt
	$(PIP) --no-deps --no-build-isolation --editable ./client
	touch $@

$(STAMPS)/dev: requirements/dev.txt client/pyproject.toml | $(STAMPS)
	$(PIP) --require-hashes -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation --editable ./client
	touch $@
