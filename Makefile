# Everything a person or CI does with Snoska. `make help` lists it. POSIX shell only.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860
EVAL ?= ../shared/eval
HELP ?=
TORCH_INDEX ?=

VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check --no-input -c constraints.txt
INSTALLED = $(VENV)/.installed
TESTED = $(VENV)/.installed-test
BENCHED = $(VENV)/.installed-bench
AUDITED = $(VENV)/.installed-audit

.PHONY: help run test check browser tesseract bench soak audit lock bundle

help:
	@echo 'make run     serve the page on http://$(HOST):$(PORT) (HOST=… PORT=… change that)'
	@echo 'make test    the whole test suite, Chromium and Tesseract installed for it where there are none'
	@echo 'make check   formatter, linter and type checker'
	@echo 'make bench   the benchmarks (EVAL=… names the folder of judged questions: $(EVAL); HELP=… LibreOffice'\''s help)'
	@echo 'make soak    the long fault and load tests'
	@echo 'make bundle  all that a machine with no network needs, in one archive under build/ (TORCH_INDEX=… as the docs say)'
	@echo 'make audit   known vulnerabilities in what constraints.txt pins (asks a database on the network)'
	@echo 'make lock    requirements.lock, the hashes of what constraints.txt pins'

# app.py brings the index up to date while the page is already up.
run: $(INSTALLED)
	@HOST='$(HOST)' PORT='$(PORT)' $(BIN)/python app.py

# Two processes: while one waits for a browser or a server, the other has the processor. They take some 5 GB.
test: $(TESTED) browser tesseract
	@$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(TESTED)
	@$(BIN)/python -m ruff format --check
	@$(BIN)/python -m ruff check
	@$(BIN)/python -m mypy

bench: $(BENCHED) browser
	$(BIN)/snoska build seeds --index index
	$(BIN)/snoska eval $(EVAL)/seeds/questions.jsonl --index index
	$(BIN)/python benchmarks/retrieval.py --data $(EVAL)/xquad --peers
	$(BIN)/python benchmarks/second_encoder.py --data $(EVAL)/xquad
	$(BIN)/python benchmarks/calibration.py --data $(EVAL)/xquad
	$(BIN)/python benchmarks/answer_sentence.py --data $(EVAL)/xquad
	$(BIN)/python benchmarks/support.py --data $(EVAL)/xquad
	$(BIN)/python benchmarks/determinism.py --data $(EVAL)/xquad
	$(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/startup.py
	@if [ -z '$(HELP)' ]; then echo 'benchmarks/page.py is left out: HELP=… names its folders of documents'; \
	else set -x; $(BIN)/python benchmarks/page.py --documents $(HELP); fi
	$(BIN)/python benchmarks/embedding.py --data $(EVAL)/xquad
	$(BIN)/python benchmarks/milvus.py --data $(EVAL)/xquad
	benchmarks/first_run.sh

# The load first, with the machine to itself; then the faults, two side by side.
soak: $(TESTED) browser tesseract
	@$(BIN)/python -m pytest -m soak -s tests/test_service.py
	@$(BIN)/python -m pytest -m soak -n 2 --dist worksteal --ignore tests/test_service.py --durations 12

# --strict: a package that the database does not know, or a database that is away, is no package without faults.
audit: $(AUDITED)
	@$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict \
	|| { echo 'make audit: read what stands above; "not found" or "connection" means that nothing was audited' >&2; exit 1; }

# After any change of constraints.txt; all systems' hashes, and torch left out, whose builds are many.
lock: $(AUDITED)
	@grep -v '^torch==' constraints.txt \
	| $(VENV)/audit/bin/uv pip compile --quiet --no-config --no-deps --universal --generate-hashes --no-annotate \
		--python-version 3.11 --custom-compile-command 'make lock' --output-file requirements.lock -

# An archive for machines like this one that have no network: docs/install.md.
bundle: $(INSTALLED)
	@$(BIN)/python bundle/pack.py $(if $(TORCH_INDEX),--torch-index '$(TORCH_INDEX)')

# A stamp is newer than what it was installed from, so that a second `make run` installs nothing.
$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo 'Snoska needs Python 3.11 or newer: name it with make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
	|| { echo 'a virtual environment cannot be made: on Debian, apt-get install python3-venv' >&2; exit 1; }
	$(PIP) -e .
	@touch $@

$(TESTED): $(INSTALLED)
	$(PIP) -e '.[test]'
	@touch $@

$(BENCHED): $(INSTALLED)
	$(PIP) -e '.[bench]'
	@touch $@

# In an environment of their own: the auditor and the locker are no part of what is audited and locked.
$(AUDITED): $(INSTALLED)
	@$(PYTHON) -m venv --clear $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --disable-pip-version-check --no-input pip-audit uv
	@touch $@

browser:
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	command -v apt-get >/dev/null \
	|| { echo 'the tests need Chromium: install it and put it on PATH as chromium' >&2; exit 1; }; \
	if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
	echo 'installing Chromium for the tests'; \
	log=$$(mktemp); \
	if $$as_root apt-get update >"$$log" 2>&1 \
	&& $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		chromium fonts-dejavu-core >>"$$log" 2>&1; \
	then rm -f "$$log"; \
	else tail -n 20 "$$log" >&2; rm -f "$$log"; exit 1; fi

# Without it the tests of scanned pages are skipped, and say what is missing.
tesseract:
	@have=$$(tesseract --list-langs 2>/dev/null | grep -cxE 'rus|kaz|eng'); \
	if [ "$$have" = 3 ]; then exit 0; fi; \
	command -v apt-get >/dev/null \
	|| { echo 'no Tesseract with rus, kaz and eng: the tests of scanned pages will be skipped' >&2; exit 0; }; \
	if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
	echo 'installing Tesseract for the tests'; \
	log=$$(mktemp); \
	{ $$as_root apt-get update && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends tesseract-ocr tesseract-ocr-rus tesseract-ocr-kaz tesseract-ocr-eng; } >"$$log" 2>&1 \
	|| { tail -n 3 "$$log" >&2; echo 'Tesseract cannot be installed: the tests of scanned pages will be skipped' >&2; }; \
	rm -f "$$log"
