# Needs Python 3.11 or newer with its venv module, and nothing else: every target sets up what it uses.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
# What is built from Go sources; the peers and the suite are compared with at exactly these versions.
TOOLS := .cache/bin
DISTRIBUTION := github.com/distribution/distribution/v3/cmd/registry@v3.1.2
CONFORMANCE := github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111
# Clients that Debian does not have.
CRANE := github.com/google/go-containerregistry/cmd/crane@v0.22.1
ORAS := oras.land/oras/cmd/oras@v1.3.6
REGCTL := github.com/regclient/regclient/cmd/regctl@v0.11.7
# More for pytest: make test ARGS="--kills 50 -k resume"
ARGS ?=

# Servers are started hundreds of times, and each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test faults conformance bench lint types format tools clean

help:  ## Show this list.
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 22

run: $(VENV)/runtime  ## Serve on port 5000, with data in ./data.
	PYTHONPATH=. exec $(BIN)/python -m txregistry.cli.main serve etc/development.yml

test: $(VENV)/development  ## Run all tests; those that lack a program are skipped, or fail with REQUIRE_LIVE=1.
	$(BIN)/pytest -q -rs -m "not faults" $(ARGS)

faults: $(VENV)/development $(TOOLS)/registry  ## Kill, cut the power, fail calls, storm; see tests/faults/README.md.
	$(BIN)/pytest -q -rs -m faults tests/faults $(ARGS)

conformance: $(VENV)/development $(TOOLS)/conformance  ## Run the OCI conformance suite twice; needs Go.
	REQUIRE_LIVE=1 $(BIN)/pytest -q tests/live/test_conformance.py $(ARGS)

bench: $(VENV)/development  ## Measure beside the peers; see benchmarks/README.md.
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/development  ## Look for mistakes and for unformatted text.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/development  ## Check all types.
	$(BIN)/mypy

format: $(VENV)/development  ## Format everything.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tools: $(addprefix $(TOOLS)/,registry conformance crane oras regctl)  ## Build peers, the conformance suite and clients; needs Go.

clean:  ## Remove everything that was made, but for ./data.
	rm -rf $(VENV) .cache build dist *.egg-info .mypy_cache .ruff_cache .hypothesis benchmarks/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The requirements alone are installed: the project runs from here, so that no copy of it can be out of date.
define install
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found; say make PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*project["dependencies"], *(one for extra in sys.argv[1:] for one in project["optional-dependencies"][extra]), sep="\n")' \
	$(1) > $@.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement $@.txt
	@touch $@
endef

$(VENV)/runtime: pyproject.toml
	$(call install)

$(VENV)/development: pyproject.toml
	$(call install,dev bench)

$(TOOLS)/registry:
	GOBIN=$(CURDIR)/$(TOOLS) go install $(DISTRIBUTION)

$(TOOLS)/conformance:
	GOBIN=$(CURDIR)/$(TOOLS) go install $(CONFORMANCE)

$(TOOLS)/crane:
	GOBIN=$(CURDIR)/$(TOOLS) go install $(CRANE)

$(TOOLS)/oras:
	GOBIN=$(CURDIR)/$(TOOLS) go install $(ORAS)

$(TOOLS)/regctl:
	GOBIN=$(CURDIR)/$(TOOLS) go install $(REGCTL)
