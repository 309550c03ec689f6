# SPDX-License-Identifier: MIT
# The front door. The build itself is CMakeLists.txt; what the commands do is in tools/ and .ci/.

PRESET ?= release
PREFIX ?= /usr/local
PYTHON ?= python3
# Used for new build folders; an existing one keeps its settings.
export CMAKE_GENERATOR ?= $(if $(shell command -v ninja),Ninja,Unix Makefiles)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)

.PHONY: help build test check demo bench bench-full format lint docs install clean

help:
	@echo "make build       builds build/$(PRESET); PRESET=debug, audit, asan, tsan, unity, any-clang"
	@echo "make test        installs what the tests need, builds release and audit, runs all tests"
	@echo "make demo        a real program with and without rimalloc: time, memory, page faults"
	@echo "make check       everything that CI runs"
	@echo "make bench       quick comparison with other allocators; make bench-full: the long one"
	@echo "make format      formats the sources; make lint checks format, style, layers, scripts"
	@echo "make docs        regenerates docs/options.md, and writes manual pages to build/man"
	@echo "make install     installs build/release to PREFIX=$(PREFIX) (DESTDIR= for packagers)"
	@echo "make clean       removes build/"

build:
	@tools/install-deps build
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET)

test:
	@tools/install-deps build test
	@$(MAKE) --no-print-directory build PRESET=release
	@$(MAKE) --no-print-directory build PRESET=audit
	@tools/run-tests build/audit build/release

check:
	@.ci/run

demo:
	@tools/install-deps build demo
	@mkdir -p build
	@cmake --preset release >build/demo.log && \
	  cmake --build --preset release --target rimalloc_shared >>build/demo.log || \
	  { cat build/demo.log; exit 1; }
	@$(PYTHON) tools/demo build/release/librimalloc.so

bench bench-full:
	@tools/install-deps build bench charts
	@$(MAKE) --no-print-directory build PRESET=release
	@$(PYTHON) bench/run.py $(if $(filter bench-full,$@),--full)

format:
	@tools/install-deps lint
	@tools/lint --fix format

lint:
	@tools/install-deps build lint
	@$(MAKE) --no-print-directory build PRESET=debug-clang
	@tools/lint format tidy shell layers docs

docs:
	@tools/gen-options-doc --write
	@tools/gen-manual build/man

install:
	@$(MAKE) --no-print-directory build PRESET=release
	cmake --install build/release --prefix $(PREFIX)
	@tools/gen-manual build/man
	install -d $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 build/man/man3/*.3 $(DESTDIR)$(PREFIX)/share/man/man3

clean:
	rm -rf build
