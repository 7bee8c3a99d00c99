# Two commands for people: `make demo` and `make test`. Each makes .venv with python -m venv and pip, nothing else.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3.14 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
PLUGINS := $(sort $(wildcard plugins/stigmer-plugin-*))
EDITABLE := $(foreach plugin,$(PLUGINS),-e $(plugin))

.PHONY: demo test protos ctk bench clean

demo: $(VENV)/installed        ## Start a server in a throwaway home, apply examples/, run a workflow, show it.
	@$(VENV)/bin/python examples/demo.py

test: $(VENV)/tox              ## Every check of tox.ini; the test count is printed last.
	@rm -rf .tox/results
	@$(VENV)/bin/python -m tox run $(if $(TOX),-e $(TOX))
	@$(VENV)/bin/python tests/count_tests.py .tox/results

protos: $(VENV)/tox            ## Regenerate the modules of protos/.
	@$(VENV)/bin/python -m tox exec -q -e protos -- python protos/generate.py

ctk: $(VENV)/tox               ## Both conformance kits of the DSL; ENGINE=memory, local, crash, temporal or all.
	@$(VENV)/bin/python -m tox exec -q -e tests -- python plugins/stigmer-plugin-workflow-runner/tests/conformance.py $(or $(ENGINE),all)

bench: $(VENV)/tox             ## Every benchmark, as ratios within one run.
	@for program in benchmarks/bench_*.py; do \
		echo "== $$program"; $(VENV)/bin/python -m tox exec -q -e tests -- python $$program || exit 1; done

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 to 3.14 is needed, with venv and pip" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml $(wildcard plugins/*/pyproject.toml)
	@echo "installing into $(VENV) ..." >&2
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e . $(EDITABLE)
	@touch $@

$(VENV)/tox: $(VENV)/bin/python
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'tox>=4.22'
	@touch $@

clean:                         ## Remove what the other targets made.
	rm -rf $(VENV) .tox .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
