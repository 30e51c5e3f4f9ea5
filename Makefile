# Thin names over the CMake presets. `make` builds; `make demo` and `make test` also install what the build needs.
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
SECONDS_EACH ?= 60

.PHONY: all demo test attack attack-full bench lint format install asan tsan fuzz clean

all: build/build.ninja
	cmake --build build -j $(JOBS)

%/build.ninja:
	@command -v cmake >/dev/null || { echo 'cmake is missing: run tools/setup first' >&2; exit 1; }
	cmake --preset $(patsubst build,release,$(patsubst build-%,%,$*))

demo:
	tools/setup
	$(MAKE) all
	build/sluice demo

test:
	tools/setup test
	$(MAKE) all
	ctest --preset release -j $(JOBS)

attack: all
	tools/attack attack

# hours; the record of the last one is docs/figures/full.md
attack-full: all
	tools/attack full --record

bench: all
	bench/run

lint: all
	tools/lint

format:
	clang-format -i $$(git ls-files 'src/*.[ch]' 'sim/*.[ch]' 'tests/*.[ch]')

install: all
	cmake --install build --prefix $(PREFIX)

asan tsan: %: build-%/build.ninja
	cmake --build build-$@ -j $(JOBS)
	ctest --preset $@ -j $(JOBS)

fuzz: build-fuzz/build.ninja
	cmake --build build-fuzz -j $(JOBS) --target fuzzers
	tools/fuzz $(SECONDS_EACH)

clean:
	rm -rf build build-asan build-tsan build-fuzz build-coverage build-planted
