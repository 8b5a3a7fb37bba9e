# StreetSeg. `make help` lists what there is to do; README.md tells the story.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Two environments inside the clone: .venv-serve runs the three services (no torch), .venv runs everything.
SERVE := .venv-serve
FULL := .venv
LOCK := .venv-lock
AUDIT := .venv-audit
PIP := -m pip --disable-pip-version-check --require-virtualenv
SERVE_REQUIREMENTS := back/requirements.txt front/requirements.txt modelisation/mlflow_server/requirements.txt
CONSTRAINTS := .ci/constraints.txt
TORCH_PINS = $$(grep -Eo '^torch(vision)?==[^ ]+' $(CONSTRAINTS))
UV_VERSION := 0.13.9

# What may be set on the command line (make demo IMAGE=photo.jpg); those with ?= in the environment too.
PYTHON ?=
TORCH_INDEX ?=
MLFLOW_PORT ?= 5000
API_PORT ?= 8000
DASHBOARD_PORT ?= 8501
export MLFLOW_PORT API_PORT DASHBOARD_PORT
ONCE :=
IMAGE :=
DEMO_FLAGS :=
UPGRADE :=
REGISTRY :=
RECIPE :=
DATA :=
SPLIT := val
MODELS := $(addprefix modelisation/bundled/,deeplabv3plus mask2former segformer)
OUT := out/scenes
COUNT := 100
TESTS := tests
PYTEST_ARGS :=
SOAK_MINUTES ?= 3
SCALE :=
CLIP :=
# Processes that share the tests: two for all of them, one for a part. Each takes a processor and up to 3 GB.
WORKERS = $(if $(filter tests,$(TESTS)),2,0)

# Texts are UTF-8 on machines whose locale is ASCII too.
export PYTHONUTF8 := 1

# Caches and settings of libraries stay in the clone.
CACHE := $(CURDIR)/.cache
export MPLCONFIGDIR := $(CACHE)/matplotlib
export NUMBA_CACHE_DIR := $(CACHE)/numba
export MLFLOW_DISABLE_TELEMETRY := true
export STREAMLIT_BROWSER_GATHER_USAGE_STATS := false
export IPYTHONDIR := $(CACHE)/ipython
export JUPYTER_CONFIG_DIR := $(CACHE)/jupyter
export JUPYTER_DATA_DIR := $(CACHE)/jupyter
export JUPYTER_RUNTIME_DIR := $(CACHE)/jupyter/runtime
export HF_HOME := $(CACHE)/huggingface
export TORCH_HOME := $(CACHE)/torch
# For programs that write to the home folder whatever they are told; git still finds its settings.
RUN := env GIT_CONFIG_GLOBAL="$${GIT_CONFIG_GLOBAL:-$$HOME/.gitconfig}" HOME='$(CACHE)/home' \
	XDG_CACHE_HOME='$(CACHE)/home/.cache' XDG_CONFIG_HOME='$(CACHE)/home/.config' $(FULL)/bin/python

.PHONY: help setup demo test hostile soak lint lock pin-images audit sbom train lab notebooks scenes \
	benchmark benchmark-quality benchmark-scale benchmark-tradeoff benchmark-evaluate benchmark-folders \
	benchmark-clips benchmark-training benchmark-starts benchmark-gpu benchmark-all models tables screenshots up down clean

help: ## list the targets
	@echo "StreetSeg: make TARGET [NAME=value]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# make_venv FOLDER: a virtual environment of Python 3.11, 3.12 or 3.13, or a sentence that says what is missing.
define make_venv
	@if [ ! -x $(1)/bin/python ]; then \
	  for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then break; fi; \
	    python=; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "Python 3.11, 3.12 or 3.13 was not found: install one, or name it with make PYTHON=/path/to/python3" >&2; exit 1; \
	  fi; \
	  "$$python" -m venv $(1) || { rm -rf $(1); \
	    echo "No virtual environment could be made: install venv for this Python (Debian: python3-venv)" >&2; \
	    exit 1; }; \
	fi
endef

# A stamp tells that the environment holds what the requirements say; pip runs again only when they change.
$(SERVE)/.stamp: $(SERVE_REQUIREMENTS)
	$(call make_venv,$(SERVE))
	@echo "Installing what serving needs into $(SERVE) (a minute or two the first time) …"
	@$(SERVE)/bin/python $(PIP) install $(addprefix -r ,$(SERVE_REQUIREMENTS)) | .ci/pip-progress
	@touch $@

# pip takes no file whose hash the requirements do not hold. Another index has other files of torch, and CUDA libraries
# of its own if any: there torch comes first, unhashed, then everything else, then what this torch still lacks.
$(FULL)/.stamp: tests/requirements.txt .ci/cuda.txt $(CONSTRAINTS)
	$(call make_venv,$(FULL))
	@echo "Installing everything, torch included, into $(FULL) (several minutes the first time) …"
ifneq ($(strip $(TORCH_INDEX)),)
	@$(FULL)/bin/python $(PIP) install --no-deps --index-url '$(TORCH_INDEX)' $(TORCH_PINS)
	@$(FULL)/bin/python $(PIP) install --no-deps -r tests/requirements.txt | .ci/pip-progress
	@$(FULL)/bin/python $(PIP) install -c $(CONSTRAINTS) $(TORCH_PINS) | .ci/pip-progress
else
	@$(FULL)/bin/python $(PIP) install -r tests/requirements.txt -r .ci/cuda.txt | .ci/pip-progress
endif
	@touch $@

setup: $(SERVE)/.stamp $(FULL)/.stamp ## install both environments (TORCH_INDEX=URL: take torch from there, e.g. its CPU builds, see pytorch.org)

demo: $(SERVE)/.stamp ## the whole system on sample pictures, then http://localhost:8501 (IMAGE=photo.jpg, ONCE=1, …_PORT=)
	@exec $(SERVE)/bin/python -m modelisation.demo $(if $(IMAGE),--image '$(IMAGE)') $(if $(filter-out 0,$(ONCE)),--once) $(DEMO_FLAGS)

test: $(SERVE)/.stamp $(FULL)/.stamp ## all tests, as CI runs them before make soak (TESTS=path, PYTEST_ARGS=…, WORKERS=0: in one process)
	@$(RUN) -m pytest --numprocesses $(WORKERS) --dist worksteal $(TESTS) $(PYTEST_ARGS) \
	  && echo "make test: everything passed" || { echo "make test: FAILED, see above" >&2; exit 1; }

hostile: $(FULL)/.stamp ## attack the API: files, clients, models, load and a soak, with a figure a line (SOAK_MINUTES=3)
	@HOSTILE_SECONDS=60 SOAK_MINUTES='$(SOAK_MINUTES)' $(RUN) -m pytest -o faulthandler_timeout=7500 tests/hostile $(PYTEST_ARGS)

soak: $(FULL)/.stamp ## does the API's memory stay flat under steady load? (SOAK_MINUTES=3; an hour before a release)
	@SOAK_MINUTES='$(SOAK_MINUTES)' $(RUN) -m pytest -o faulthandler_timeout=7500 \
	  tests/hostile/test_many_clients.py::test_memory_stays_flat_for_as_long_as_it_is_watched $(PYTEST_ARGS)

lint: $(FULL)/.stamp ## format, lint, types, and which tier may import which
	$(FULL)/bin/ruff format --check .
	$(FULL)/bin/ruff check .
	$(FULL)/bin/mypy
	$(FULL)/bin/lint-imports

lock: $(LOCK)/.stamp ## compile every requirements.in to pinned and hashed requirements.txt (UPGRADE=1: newest versions of everything)
	@.ci/lock $(LOCK)/bin/uv $(if $(UPGRADE),--upgrade)

$(LOCK)/.stamp: Makefile
	$(call make_venv,$(LOCK))
	@$(LOCK)/bin/python $(PIP) install --quiet uv==$(UV_VERSION)
	@touch $@

pin-images: $(LOCK)/.stamp ## write digest and date of the images in Dockerfiles and docker-compose.yml (REGISTRY=URL of a mirror)
	@$(LOCK)/bin/python .ci/images/pin.py $(if $(REGISTRY),--registry '$(REGISTRY)')

audit: $(AUDIT)/.stamp ## weak spots in our code (bandit) and known ones in what is pinned (pip-audit)
	@$(AUDIT)/bin/python .ci/audit/audit.py

sbom: $(AUDIT)/.stamp $(SERVE)/.stamp ## what the serving environment is made of, as CycloneDX, into out/sbom.json
	@$(AUDIT)/bin/python .ci/audit/sbom.py $(SERVE)

$(AUDIT)/.stamp: .ci/audit/requirements.txt
	$(call make_venv,$(AUDIT))
	@$(AUDIT)/bin/python $(PIP) install --quiet -r .ci/audit/requirements.txt
	@touch $@

need-%:
	@[ -n '$($*)' ] || { echo "Say which: make $(MAKECMDGOALS) $*=… (make help shows how)" >&2; exit 1; }

train: need-RECIPE need-DATA $(FULL)/.stamp ## train a recipe: make train RECIPE=modelisation/recipes/NAME.yaml DATA=folder
	@exec $(RUN) -m modelisation train '$(RECIPE)' --data '$(DATA)'

lab: $(FULL)/.stamp ## open the notebooks in Jupyter
	@exec $(FULL)/bin/python -m jupyter lab --notebook-dir=modelisation/notebooks

notebooks: $(FULL)/.stamp ## run every notebook headless into out/notebooks (DATA=folder: on that instead of rendered scenes)
	@mkdir -p out/notebooks
	@for notebook in modelisation/notebooks/*.ipynb; do \
	  $(RUN) -m papermill "$$notebook" "out/notebooks/$${notebook##*/}" \
	    $(if $(DATA),-p data '$(abspath $(DATA))'); done

scenes: $(FULL)/.stamp ## render street scenes with exact labels in the Cityscapes layout (OUT=folder COUNT=100)
	@$(RUN) -m modelisation scenes '$(OUT)' --count '$(COUNT)'

benchmark: $(FULL)/.stamp ## speed: this server against the usual ways; fills the pages' tables (QUICK=1: a first impression, into out/)
	@$(RUN) -m tests.benchmarks.serving $(if $(filter-out 0,$(QUICK)),--quick)

# CamVid beside the clone, where it is there.
benchmark-quality: DATA := $(or $(DATA),$(wildcard ../shared/camvid))
benchmark-quality: need-DATA $(FULL)/.stamp ## accuracy of every bundled model, into docs/quality.json (DATA=folder SPLIT=val)
	@$(RUN) -m modelisation compare $(MODELS) --data '$(DATA)' --split '$(SPLIT)' --calibration \
	  --out out/benchmark --json docs/quality.json

benchmark-scale: $(FULL)/.stamp ## labelling by the plain pool and by Ray, serving by replicas and by Ray Serve; fills docs/scale.md's tables
	@$(RUN) -m tests.benchmarks.labelling
	@$(RUN) -m tests.benchmarks.replicas

benchmark-tradeoff: $(FULL)/.stamp ## mIoU against latency in fp32, bf16 and int8 at three pixel budgets; fills docs/performance.md's table
	@$(RUN) -m tests.benchmarks.tradeoff

benchmark-evaluate: $(FULL)/.stamp ## scoring a model beside transformers, torchmetrics and the official script; fills docs/performance.md's table
	@$(RUN) -m tests.benchmarks.evaluation

benchmark-folders: $(FULL)/.stamp ## photo files to mask files against the bare engine and the transformers pipeline; fills docs/performance.md's table
	@$(RUN) -m tests.benchmarks.folder --photos 500

benchmark-clips: $(FULL)/.stamp ## clips from file to file against the bare engine; fills docs/performance.md's table (CLIP=file)
	@$(RUN) -m tests.benchmarks.video $(if $(CLIP),--clip '$(CLIP)')

benchmark-training: $(FULL)/.stamp ## a training step, and epochs, beside transformers' Trainer, Lightning and a plain loop (QUICK=1: into out/)
	@$(RUN) -m tests.benchmarks.training $(if $(filter-out 0,$(QUICK)),--quick)

# Quiet machine, a clean tree, and some hours: what the pages say is measured anew, one part after the other.
benchmark-all: ## every benchmark that fills a page, and all tables (needs NNCF and Ray: docs/performance.md says which extras)
	@for part in benchmark benchmark-quality benchmark-evaluate benchmark-folders benchmark-clips \
	  benchmark-training benchmark-starts benchmark-tradeoff benchmark-scale $(if $(shell command -v nvidia-smi),benchmark-gpu) models tables; do \
	  echo "== make $$part"; $(MAKE) --no-print-directory "$$part"; \
	done

benchmark-gpu: $(FULL)/.stamp ## the engine cuda on this machine's NVIDIA card, against the processor (under ten minutes)
	@$(RUN) -m tests.benchmarks.gpu

benchmark-starts: $(FULL)/.stamp ## from the command to the help, the first step and the first mask; make tables then fills docs/performance.md (QUICK=1)
	@$(RUN) -m tests.benchmarks.starts $(if $(filter-out 0,$(QUICK)),--quick)

models: $(FULL)/.stamp ## import, train, export and serve a small network of every family; fills docs/catalogue.md's table
	@$(RUN) -m tests.benchmarks.families

tables: $(FULL)/.stamp ## write the README's tables from docs/quality.json, docs/benchmark.json and the cards
	@$(RUN) -m modelisation.reports.readme

screenshots: $(FULL)/.stamp ## photograph every page of the dashboard into out/screenshots
	@$(RUN) -m tests.browser.screenshots

define need_compose
	@docker compose version >/dev/null 2>&1 || \
	  { echo "Docker with its compose plugin is not installed here; make demo runs the same without it" >&2; exit 1; }
endef

# Replicas take free ports each, and the balancer that of the API; it alone, and Docker's own networks, reach them.
up: ## build and start MLflow, API and dashboard in Docker (SCALE=4: so many replicas of the API behind nginx)
	$(need_compose)
ifneq ($(strip $(SCALE)),)
	API_PORT= BALANCER_PORT='$(API_PORT)' FORWARDED_ALLOW_IPS='172.16.0.0/12,192.168.0.0/16' \
	  docker compose --profile scale up --build --detach --scale back='$(SCALE)'
else
	docker compose up --build --detach
endif
	@echo "dashboard http://localhost:$(DASHBOARD_PORT)  API http://localhost:$(API_PORT)/docs  MLflow http://localhost:$(MLFLOW_PORT)"

down: ## stop the containers; their data stays in the volumes
	$(need_compose)
	docker compose --profile '*' down

clean: ## remove environments, caches and outputs (not store/, which holds your runs and models)
	rm -rf $(SERVE) $(FULL) $(LOCK) $(AUDIT) .cache out .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
