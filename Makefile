# Sheriff's commands. `make demo` and `make test` need only Python 3.13 and Node 20.
PYTHON ?= python3.13
VENV   := .venv
BIN    := $(VENV)/bin
ORDERS ?=
SCENARIO ?=
JSON ?=
PORT ?= 5000
SEEDS ?= 1000

.PHONY: setup demo test check style types duplicates checkov az-commands snapshots audit simulate bench evaluate mlflow package lock clean

setup: $(VENV)/.installed infra/local/node_modules/.installed infra/checks/node_modules/.installed

$(VENV)/.installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || \
	  { echo "Sheriff needs Python 3.13; install it (pyenv install 3.13, or uv python install 3.13) or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

%/node_modules/.installed: %/package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || \
	  { echo "Sheriff's local stack and checks need Node 20 or later on the PATH (node and npm)" >&2; exit 1; }
	cd $* && npm ci --silent
	@touch $@

demo: setup
	$(BIN)/python -m infra.local.demo $(if $(ORDERS),--orders $(ORDERS))

check: style types duplicates

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# No two places outside tests share twelve lines.
duplicates: setup
	$(BIN)/pylint --disable=all --enable=duplicate-code --min-similarity-lines=12 --score=n \
	  shared functions training infra function_app.py

# A second opinion on the templates, in an environment of its own: its pins conflict with ours.
.venv-checkov/.installed: infra/checks/requirements-checkov.txt | setup
	$(BIN)/python -m venv .venv-checkov
	.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

checkov: setup .venv-checkov/.installed
	$(BIN)/python -m infra.checks.checkov

# Every `az` command line, held against Azure CLI itself, in an environment of its own as well.
.venv-azure-cli/.installed: infra/checks/requirements-azure-cli.txt | setup
	$(BIN)/python -m venv .venv-azure-cli
	.venv-azure-cli/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

az-commands: setup .venv-azure-cli/.installed
	$(BIN)/python -m infra.checks.az_commands

# What is taken from others: vulnerabilities, secrets, licences, old API versions, commands of az. It
# asks PyPI and npm, and goes by the calendar: the pipeline runs it, tests do not.
.venv-audit/.installed: infra/checks/requirements-audit.txt | setup
	$(BIN)/python -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

audit: setup .venv-checkov/.installed .venv-audit/.installed .venv-azure-cli/.installed
	@failed=0; $(BIN)/python -m infra.audit || failed=1; \
	$(BIN)/python -m infra.checks.az_commands || failed=1; exit $$failed

# One worker more than cores: there is always one that waits for a server. numpy's own threads would
# only take the cores from the other workers. Python keeps what it compiles, for the tests start
# hundreds of processes.
test: setup
	@$(MAKE) --no-print-directory --jobs=2 check checkov
	PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile

# What every environment comes to, as a reviewer sees it in a pull request.
snapshots: setup
	$(BIN)/python -m infra.checks.bicep --snapshots

# The stream on hosts and stores that fail, in virtual time: make simulate SEEDS=100000. A seed that
# breaks an invariant is named with the command that repeats it.
simulate: setup
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

bench: setup
	$(BIN)/python -m tests.bench$(if $(AGAINST),.against $(AGAINST))

# Detection quality on every scenario, then how soon and how seldom falsely incidents open: most of
# an hour in all. Fewer scenarios alone with SCENARIO="base cents"; JSON=file writes the first part.
evaluate: setup
	$(BIN)/python -m training.evaluate $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(JSON),--json $(JSON))
	$(if $(SCENARIO),,$(BIN)/python -m training.incident_benchmark)

# MLflow's page on the demo's runs, or on those of another SQLite store: MLFLOW_TRACKING_URI=...
mlflow: setup
	$(BIN)/python -m infra.local.mlflow_page --port $(PORT)

# The zips that are deployed, as the pipeline builds them, and whether they would run.
package: setup
	$(BIN)/python -m infra.package --out build
	$(BIN)/python -m infra.checks.package build/scorer.zip build/trainer.zip

# Locks every version with its hashes; run after changing pyproject.toml.
lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra train --extra dev $(LOCK) -o requirements-dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra train $(LOCK) -c requirements-dev.txt -o requirements-train.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK) -c requirements-dev.txt -o requirements.txt
	$(BIN)/uv pip compile infra/checks/requirements-checkov.in $(LOCK) -o infra/checks/requirements-checkov.txt
	$(BIN)/uv pip compile infra/checks/requirements-audit.in $(LOCK) -o infra/checks/requirements-audit.txt
	$(BIN)/uv pip compile infra/checks/requirements-azure-cli.in $(LOCK) -o infra/checks/requirements-azure-cli.txt
LOCK := --quiet --generate-hashes --no-annotate --no-header --python-version 3.13

clean:
	rm -rf $(VENV) .venv-checkov .venv-audit .venv-azure-cli infra/local/node_modules infra/checks/node_modules .sheriff build
