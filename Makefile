# What people do with this tree. `make run` and `make test` need Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet
CODE   := gateway router rules smpp config
SEED   ?= 1
LOCK := --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

export VENV SEED

.PHONY: run test check bench bench-suspended torture fmt lock clean types imports style reference

run: $(READY)/run               ## the demo: gateway and simulated carrier
	$(BIN)/kwek demo

test: $(READY)/dev              ## every test, with the peers that can be had
	tools/debian-packages.sh
	tools/node-peers.sh
	tools/tests.sh

check: style types imports test ## style, types and imports first, then the tests (which ask for them too)

style: $(READY)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)/dev
	$(BIN)/mypy
	$(BIN)/mypy tests

imports: $(READY)/dev
	$(BIN)/lint-imports --no-cache

bench: $(READY)/dev             ## loops a second beside the ceiling and Kannel, into docs/performance.md; codec, deciding, a million keywords
	tools/debian-packages.sh
	$(BIN)/python -m tests.bench.run --write-docs
	$(BIN)/python -m tests.bench.bench_codec
	$(BIN)/python -m tests.bench.bench_decide
	$(BIN)/python -m tests.bench.bench_matcher --long

bench-suspended: $(READY)/dev   ## what a tick costs among ten million suspended runs: 20 minutes, 30 GB of disk
	$(BIN)/python -m tests.bench.suspended --cold --write-docs

torture: $(READY)/dev           ## kills, a million damaged PDUs, 20,000 spoilt rules files, 2,000 through fmt; SEED=n repeats a run
	KWEK_KILLS=300 KWEK_FUZZ_PDUS=1000000 KWEK_FUZZ_RULES=20000 KWEK_FMT_CASES=2000 \
	    KWEK_SIMULATED_DAYS=20 KWEK_SIMULATED_MINUTES=1000 KWEK_EQUAL_TEXTS_HOURS=0.17 \
	    KWEK_PARTS=100000 KWEK_TERMS=50 KWEK_FLOOD_S=600 KWEK_GARBAGE=500 \
	    KWEK_STOPS=20000 KWEK_DRIP_STOPS=100000 KWEK_NODE_STOPS=1000 KWEK_CUTS=200 KWEK_RESTARTS=50 KWEK_RECEIPTS=1000000 \
	    KWEK_ZONES=all KWEK_WORD_LISTS=all KWEK_SLOTS=10000 \
	    $(BIN)/python -m pytest tests/faults tests/fuzz tests/rules/test_format.py tests/rules/test_every_zone.py \
	    tests/router/test_parts.py tests/router/test_receipts_many.py tests/journeys/test_word_lists.py \
	    -s --timeout=0 --hypothesis-seed=$(SEED) -p no:cacheprovider

fmt: $(READY)/dev               ## formats the code as `check` wants it
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(READY)/dev              ## the newest versions that fit, with their hashes
	$(BIN)/uv pip compile -q -U pyproject.toml --group build $(LOCK) -o requirements/run.lock
	$(BIN)/uv pip compile -q -U pyproject.toml --group build --group dev -c requirements/run.lock $(LOCK) -o requirements/dev.lock

reference: $(READY)/dev         ## config/examples/kwek.toml, printed from the declarations
	$(BIN)/python -c 'from config import reference; print(reference.text(), end="")' > $(READY)/kwek.toml
	mv $(READY)/kwek.toml config/examples/kwek.toml

clean:                          ## everything that can be made again
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage tests/peers/node/node_modules
	find $(CODE) tests tools -name __pycache__ -prune -exec rm -rf {} +

# Set-up runs again only when a lock or the packages' declaration changes; each environment has marks of its own.
$(READY)/run: requirements/run.lock pyproject.toml
	tools/make-venv.sh $(VENV) $(PYTHON)
	$(PIP) --require-hashes -r requirements/run.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@mkdir -p $(READY) && touch $@

$(READY)/dev: $(READY)/run requirements/dev.lock
	$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@
