# The two commands of the README set up whatever they need: `make demo` and `make test`.

CARGO ?= cargo
DEMO_ARGS ?=

.PHONY: help setup demo page page-hashes test bench bench-page fmt lint doc fuzz vectors clean

help:
	@echo "make demo             a sample list, published, served and checked, and the citizens' page for it, opened in a browser;"
	@echo "                      serves until interrupted (DEMO_ARGS=...; DEMO_ARGS=--no-open leaves the browser closed)"
	@echo "make page             the citizens' page, into web/dist, and the npm package that it is built on"
	@echo "make page-hashes      the same, and its hashes into web/published (after a change of the page)"
	@echo "make test             everything that must hold; what it needs is installed first"
	@echo "make bench            every figure beside its goal; make bench-NAME for one; make bench-page for the page's"
	@echo "make fmt, lint, doc   formatting, clippy and borders between crates, documentation"
	@echo "make fuzz             every parser for FUZZ_SECONDS (60) seconds"
	@echo "make vectors          write tests/vectors anew (after a change of the specification)"

setup:
	@scripts/setup

demo:
	@scripts/setup build
	@if scripts/page; then page='--page web/dist'; else page=; echo "demo: goes on without the citizens' page"; fi; \
		$(CARGO) run --release -p ceknik-cli --bin ceknik -- demo $$page $(DEMO_ARGS)

page:
	@scripts/page anew

page-hashes: page
	mkdir -p web/published
	cp web/dist/SHA256SUMS web/published/
	rustc --version >web/published/compiler

test: setup
	@scripts/test

bench:
	$(CARGO) build --release --quiet --workspace --bins
	$(CARGO) bench --quiet -p ceknik-cli --bench figures

# In Chromium, as slow as a cheap phone on a slow network; Cargo's benches know nothing of it. Of the page that `make page` built.
bench-page:
	$(CARGO) build --release --quiet --workspace --bins
	@CEKNIK_BIN=$${CARGO_TARGET_DIR:-target}/release node web/test/bench.mjs

bench-%:
	$(CARGO) build --release --quiet --workspace --bins
	$(CARGO) bench --quiet -p ceknik-cli --bench figures -- $*

fmt:
	$(CARGO) fmt --all

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy -p ceknik-cli --test long -- -D warnings
	$(CARGO) test --quiet --test borders --test dependencies

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

fuzz: setup
	@scripts/fuzz

vectors:
	$(CARGO) run -p ceknik-core --example vectors -- --write

clean:
	$(CARGO) clean
	rm -rf .venv tests/vectors/check/node_modules fuzz/target crates/wasm/node_modules crates/wasm/dist crates/wasm/generated \
		web/node_modules web/dist
