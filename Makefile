# The front door. Meson does the work; `make help` lists what there is.
# GNU make and a POSIX shell are all it relies on before tools/deps has run.

BUILD = build

.PHONY: help run build test traces coverage check mutants bench bench-queue bench-store bench-snapshot bench-links bench-check \
  bench-sim fuzz fmt lint clean install-deps book book-serve transcripts

help: ## list these targets
	@echo "Quartet: one replicated log, four machines, three worlds."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | \
		awk -F@ '{ printf "%-22s %s\n", $$1, $$2 }'

run: build ## start every system, three nodes each, on loopback with a demo load (Ctrl-C drains)
	@$(BUILD)/quartet up all --demo

build: ## compile the program, to build/quartet
	@tools/deps build
	@tools/build $(BUILD)

test: ## run every test; the last line counts them
	@tools/deps test
	@tools/build $(BUILD)
	@tools/test --build $(BUILD)

traces: ## rewrite the narration of test/trace; read the difference before you commit it
	@tools/deps build
	@tools/build $(BUILD)
	@tools/test --build $(BUILD) --rewrite-traces

coverage: ## measure which branches of src/raft and src/node the tests take, and name those that none takes
	@tools/deps coverage
	@tools/coverage --build $(BUILD)-coverage

check: ## make test, plus sanitizers, both compilers, format and static analysis
	@tools/deps all
	@tools/build $(BUILD)
	@tools/test --build $(BUILD) --check

bench: bench-queue bench-store bench-snapshot bench-links bench-sim bench-check ## run every benchmark

bench-queue: ## measure the queue beside beanstalkd and print the ratios (ARGS=--quick)
	@tools/deps bench
	@tools/build $(BUILD)
	@PATH="$$PATH:$$(tools/deps peer-path)" python3 bench/queue.py --quartet $(BUILD)/quartet $(ARGS)

bench-store: ## measure the store beside Redis and print the ratios (ARGS=--quick)
	@tools/deps bench
	@tools/build $(BUILD)
	@PATH="$$PATH:$$(tools/deps peer-path)" python3 bench/store.py --quartet $(BUILD)/quartet $(ARGS)

bench-snapshot: ## measure what clients notice while 1 GiB is snapshotted (ARGS=--quick)
	@tools/deps bench
	@tools/build $(BUILD)
	@python3 bench/snapshot.py --quartet $(BUILD)/quartet $(ARGS)

bench-links: ## measure what clients notice of the network between nodes (ARGS=--rounds 5; as root)
	@tools/deps bench
	@tools/build $(BUILD)
	@python3 bench/links.py --quartet $(BUILD)/quartet $(ARGS)

bench-sim: build ## measure how much faster than real time the simulator is (ARGS=--rounds 1)
	@python3 bench/sim.py --quartet $(BUILD)/quartet $(ARGS)

mutants: ## break one rule of the code at a time: the simulator must notice each (ARGS=NAME...)
	@tools/deps build
	@tools/mutants $(ARGS)

book: ## make the course's book, distributed-systems-course/book/index.html
	@tools/book build

book-serve: ## the same, shown at http://localhost:3000 and made anew when a file changes
	@tools/book serve

transcripts: ## run anew what the book shows, where it is stale
	@python3 distributed-systems-course/tools/transcripts.py

bench-check: build ## measure the judge of histories
	@$(BUILD)/bench/quartet-bench-check $(ARGS)

fuzz: ## fuzz every decoder, FUZZ_SECONDS each (default 60)
	@tools/deps test
	@tools/test --build $(BUILD) --only fuzz --fuzz-seconds $(or $(FUZZ_SECONDS),60)

fmt: ## format the C sources
	@tools/deps lint
	@git ls-files -z -- '*.c' '*.h' | xargs -0 clang-format -i

lint: ## format check, static analysis, layering, purity and style
	@tools/deps all
	@tools/build $(BUILD)
	@tools/test --build $(BUILD) --only tidy,format,analysis

clean: ## remove what was built (what was installed stays)
	@rm -rf $(BUILD) $(BUILD)-*

install-deps: ## install all that any target needs, saying what and why
	@tools/deps all
