# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Wayleave authors
#
# Thin names for the CMake presets and the scripts under tool/.
#
#   make            build/wayleave, from Debian's packages alone; installs nothing
#   make run        a realm and a proxy in front of it, on this machine, until Ctrl-C
#   make demo       the same once, with a headless browser instead of a person
#   make test       every test; STEPS="e2e" (or unit, contract, fuzz, js, style) runs a part
#   make fuzz       each fuzz target for FUZZ_SECONDS
#   make install    to DESTDIR/PREFIX
#   make format     write the code as the formatters want it
#   make clean      forget build/ and run/
#
# run, demo and test install missing Debian packages when root, and say which when not (tool/deps).

SHELL := /bin/sh
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
STEPS ?=

.DEFAULT_GOAL := build
.PHONY: build run demo test fuzz install format clean

build:
	@tool/deps --check build
	@cmake --preset release >/dev/null
	@cmake --build --preset release

run:
	@tool/deps build run
	@$(MAKE) --no-print-directory build
	@exec node tool/run.mjs

demo:
	@tool/deps build run demo
	@$(MAKE) --no-print-directory build node_modules/.package-lock.json
	@exec node tool/demo.mjs

test:
	@tool/deps build run demo test
	@$(MAKE) --no-print-directory node_modules/.package-lock.json
	@exec node tool/lib/test_steps.mjs $(STEPS)

fuzz:
	@tool/deps build test
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz
	@set -e; for target in build/fuzz/test/fuzz/*_fuzz; do \
		name=$$(basename $$target); corpus=test/fuzz/corpus/$${name%_fuzz}; \
		mkdir -p $$corpus build/fuzz/found/$$name; \
		echo "== $$name, $(FUZZ_SECONDS) s"; \
		$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=build/fuzz/found/$$name/ build/fuzz/found/$$name $$corpus; \
	done

install: build
	cmake --install build/release --prefix $(PREFIX)

format: node_modules/.package-lock.json
	tool/check_format -i
	tool/lib/prettier --write

clean:
	rm -rf build run

# Made by npm, so it is as old as the last installation.
node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
