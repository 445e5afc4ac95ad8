PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Every distribution, and what builds one, is checked against its SHA-256 in constraints.txt.
PINNED := -c constraints.txt -b constraints.txt

# Two processes of tests. Each walks the files of its half in turn, so that what a file's tests share is made once, and
# takes from the other's at the end.
BESIDE := -n 2 --dist worksteal

# Programs start several times faster from compiled modules, and the packages in .venv come without any.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-engines test-cluster test-servers test-portable test-systems check docs release-check bench soak screenshots browser hashes clean

demo: $(STAMP)
	$(BIN)/twinlens demo

test: .venv/.installed-test
	$(BIN)/python -m pytest $(BESIDE) -m "not servers and not cluster"

# Ray listens on all interfaces: it runs in a network of its own, where the user is root.
SHUT_IN := $(shell test "$$(id -u)" = 0 && unshare -n true 2> /dev/null && echo 'unshare -n sh -c "ip link set lo up && exec \"\$$@\"" sh')

test-engines: test-cluster test-servers

test-cluster: .venv/.installed-engines
	$(SHUT_IN) $(BIN)/python -m pytest -m cluster tests/collection/ingest/executors

# Starts Milvus (in a network namespace: as root) and PostgreSQL; without the variable, what cannot start is skipped.
test-servers: .venv/.installed-engines
	$(BIN)/python -m pytest -m servers tests/collection/engines tests/commands/test_push_command.py

TRAINING_TESTS := tests/training tests/evaluation tests/adaptation
# Left to `make test`: the first turns the paths off, and asks for a precision, in processes of its own; the others train
# nothing, most without torch.
TRAINING_TESTS += --ignore tests/training/test_portable.py --ignore tests/evaluation/paper/test_siblings.py \
	--ignore tests/adaptation/test_exported_learned.py --ignore tests/adaptation/test_bounds.py \
	--ignore tests/evaluation/comparison/test_comparison_table.py
# The toy recipe alone heeds the variable of the precision; the others would run as they do in `make test`.
TOY_TESTS := $(shell grep -rlE 'toy\.recipe|toy_composer' --include='test_*.py' tests/training tests/evaluation)

# The training tests as on a processor without fast paths, and those of the toy with bfloat16 asked for. nice: servers that
# are tested beside them (.ci/run) come first.
test-portable: .venv/.installed-test
	ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 nice $(BIN)/python -m pytest $(BESIDE) $(TRAINING_TESTS)
	TWINLENS_TEST_PRECISION=bfloat16 nice $(BIN)/python -m pytest $(BESIDE) $(filter-out %/test_portable.py,$(TOY_TESTS))

SYSTEM_TESTS := tests/media tests/collection/ingest tests/collection/store/test_store.py \
	tests/collection/store/test_windows_paths.py tests/collection/test_repairing.py \
	tests/commands/test_collection_commands.py tests/commands/test_leaving_commands.py \
	tests/commands/test_search_results.py tests/commands/test_info_files.py
# Thousands of damaged pictures are no other matter there, and half of a page hits the empty table of mount points.
SYSTEM_TESTS += --deselect tests/collection/ingest/test_mutated.py \
	--deselect "tests/collection/test_repairing.py::test_every_damage_is_found_and_mended[half of a page]"

# The paths that macOS and Windows take, imitated on Linux by tests/systems/imitation.py.
test-systems: .venv/.installed-test
	TWINLENS_TEST_SYSTEM=macos $(BIN)/python -m pytest $(BESIDE) -m "not cluster" $(SYSTEM_TESTS)
	TWINLENS_TEST_SYSTEM=windows $(BIN)/python -m pytest $(BESIDE) -m "not cluster" $(SYSTEM_TESTS)

check: .venv/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/check-jsonschema -q --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/zizmor --offline --no-progress .github/workflows
	$(BIN)/hadolint --no-color Containerfile

# The documentation as a site, in build/site; fails on a link or an anchor that leads nowhere.
# Not with --quiet: warnings would not count then. The variable is the switch of Material for a notice of its own.
docs: .venv/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Builds into dist/, looks through it, installs the wheel elsewhere and runs its demo. FINAL=1: before an upload.
release-check: .venv/.installed-docs
	$(BIN)/python -m release.check $(if $(FINAL),--final)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	sed -n '/^uv==/,/[^\\]$$/p' constraints.txt > .venv/uv.txt
	$(BIN)/python -m pip install -q --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip install -q --python $(BIN)/python $(PINNED) -e .
	touch $@

.venv/.installed-test: $(STAMP)
	$(BIN)/uv pip install -q --python $(BIN)/python $(PINNED) -e .[test,check]
	touch $@

.venv/.installed-engines: .venv/.installed-test
	$(BIN)/uv pip install -q --python $(BIN)/python $(PINNED) -e .[engines]
	touch $@

.venv/.installed-docs: $(STAMP)
	$(BIN)/uv pip install -q --python $(BIN)/python $(PINNED) -e .[docs,release]
	touch $@

# NLVR=DIR runs the benchmarks too that measure on the pictures of NLVR in DIR.
bench: .venv/.installed-test
	$(BIN)/uv pip install -q --python $(BIN)/python $(PINNED) -e .[bench]
	$(BIN)/python benchmarks/suite.py $(if $(NLVR),--nlvr $(NLVR))

# Ten thousand requests to a service, hostile ones among them, while indexes write, and over a restart.
soak: .venv/.installed-test
	$(BIN)/python benchmarks/service_soak.py

# The pictures of the page in docs/images.
screenshots: .venv/.installed-test
	$(BIN)/python -m benchmarks.screenshots

# The browser that drives the page in the tests, on Debian; they are skipped without one.
browser:
	command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq chromium > /dev/null; }

# Looks the hashes of the versions in constraints.txt up at the package index, after one was changed. It holds versions
# for Windows too (pywin32), hence --universal, and --python-version as some need more than the first 3.11.
hashes:
	$(BIN)/uv pip compile -q --universal --python-version 3.11.7 --no-deps --no-header --no-annotate --generate-hashes constraints.txt -o constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf .venv build dist src/*.egg-info
