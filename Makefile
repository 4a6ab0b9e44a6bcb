# Everything installs what it needs first: on Debian as root by itself, elsewhere it says what is
# missing. The recipes are scripts, so that they can be read and run one by one.

PORT ?= 8080
.DEFAULT_GOAL := help
.PHONY: help serve test test-peers page wasm npm cli bench fuzz lint fmt clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

serve: page ## build the page and serve it on http://localhost:8080 (PORT=...)
	@node scripts/serve.mjs $(PORT)

test: ## everything that proves it works: native, in WebAssembly, in three browsers
	@scripts/test

test-peers: ## forged dumps read by other people's tools; a part of `make test`
	@scripts/setup rust
	@scripts/test-peers

page: ## build www/dist/index.html, the one file that is the whole program
	@scripts/page

wasm: ## compile the analyzer for the browser (www/pkg)
	@scripts/wasm

npm: wasm ## build the custom element as a package, npm/dist
	@node npm/build.mjs

cli: ## build the native command, target/native/bluepane
	@scripts/setup rust
	@cargo build --locked --profile native -p bluepane-cli

bench: ## measure what a report costs, against the limits
	@scripts/bench

fuzz: ## feed the parsers damaged dumps: FLIPS=100000 per container, then SECONDS_PER_TARGET=60 each
	@scripts/fuzz

lint: ## formatting, clippy, the no_std check, TypeScript
	@scripts/lint

fmt: ## format Rust, TypeScript and CSS
	@scripts/setup rust node
	@cargo fmt --all
	@npm run --silent fmt

clean: ## remove what was built (not the installed tools)
	rm -rf target www/dist www/pkg
