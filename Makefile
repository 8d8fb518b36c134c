# Makefile. Two commands do everything on a fresh Debian 12 host with Swift 6.3: `make figure4` and `make test`.

SWIFT ?= swift
BIN := .build/release
RUN := $(BIN)/regsweep

# What the programs are built on and run with, and what the tests use besides. libsodium-dev comes with libzmq3-dev.
PACKAGES := libzmq3-dev libprotobuf-c-dev libsqlite3-dev zlib1g-dev gnuplot-nox fonts-dejavu-core
TEST_PACKAGES := $(PACKAGES) protobuf-c-compiler python3 python3-numpy openssh-server openssh-client iproute2 bindfs slurmctld slurmd slurm-client munge

PROTO := Sources/Wire/CMessages
SOURCES := Sources Tests Benchmarks Package.swift

.PHONY: help figure4 table1 figure2 figure3 theory figure5-small test test-extending build dist bench reproduce simulate recovery hosts
.PHONY: lint format proto reference setup setup-test clean

help:
	@echo "make figure4    run the paper's Figure 4 into results/figure4"
	@echo "make table1     run the paper's Table 1 into results/table1"
	@echo "make figure2 | figure3 | theory   its Figures 2 and 3, and its lemmas, measured"
	@echo "make figure5-small DATA=DIR   the paper's Figure 5 on 1,500 images; DIR has Fashion-MNIST"
	@echo "make test       pass every test; test-extending is the part that follows Docs/extending.md"
	@echo "make dist       both programs for hosts with neither Swift nor ZeroMQ, into dist/"
	@echo "make bench      measure kernels, messages, the whole sweep, and what faults cost"
	@echo "make reproduce  Figure 4 over ten master seeds, as in Docs/reproduction.md; SWEEP and SEEDS choose others"
	@echo "make simulate SEEDS=10000  clusters that everything happens to, one for each seed"
	@echo "make recovery   the start of a coordinator at a million stored trials"
	@echo "make hosts      how soon workers on three ssh hosts compute; needs root"
	@echo "make build | lint | format | proto | reference | clean"

figure4: build
	$(RUN) run Sweeps/figure4.toml

table1: build
	$(RUN) run Sweeps/table1.toml

figure2 figure3 theory: build
	$(RUN) run Sweeps/$@.toml

# DATA is a folder with Fashion-MNIST; without it regsweep says where to get it.
figure5-small: build
	$(RUN) run Sweeps/figure5-small.toml $(if $(DATA),--data "$(DATA)")

# The portable programs first: one of the tests runs them where there is nothing else.
test: setup-test dist
	$(SWIFT) test
	$(MAKE) test-extending

# A second build of the programs, in .build/extending, with the problem of Docs/extending.md in them.
test-extending: setup-test
	Tests/Extending/follow.py

build: setup
	$(SWIFT) build -c release

# Programs for hosts with neither Swift nor ZeroMQ.
dist: setup
	@.ci/dist

bench: build
	@.ci/install time python3
	Benchmarks/run
	Benchmarks/faults

# Quiet runs of one sweep under several master seeds, then the tables of what the paper claims: make reproduce SWEEP=figure3 SEEDS="1 2 3 4 5"
SWEEP := figure4
SEEDS := 1 2 3 4 5 6 7 8 9 10
reproduce: build
	for seed in $(SEEDS); do $(RUN) run Sweeps/$(SWEEP).toml --seed $$seed --quiet || exit 1; done
	$(RUN) report Sweeps/$(SWEEP).toml $(SEEDS:%=--seed %)

# So many clusters that everything happens to, optimized; prints the seed that fails and how to replay it.
simulate: SEEDS := 10000
simulate: setup-test
	REGSWEEP_RATE=1 REGSWEEP_SEEDS=$(SEEDS) $(SWIFT) test -c release -Xswiftc -enable-testing --scratch-path .build/simulate \
	    --filter SimulationTests/rate

# From the start of a coordinator on a store of a million trials to its first lease; needs 4 GB in /tmp for a minute or two.
recovery: setup-test
	REGSWEEP_RECOVERY=1000000 $(SWIFT) test -c release -Xswiftc -enable-testing --scratch-path .build/simulate --filter RecoveryTests

# From the start of a coordinator to the first lease of three ssh hosts, which get the portable worker, and again when they have it.
hosts: setup-test dist
	REGSWEEP_WORKER=$(CURDIR)/dist/regsweep-worker $(SWIFT) test --filter HostTests/start

lint:
	$(SWIFT) format lint --strict --recursive $(SOURCES)

format:
	$(SWIFT) format --in-place --recursive $(SOURCES)

# The generated code is committed; a test regenerates and compares it.
proto: setup-test
	protoc-c --proto_path=$(PROTO) --c_out=$(PROTO) $(PROTO)/regsweep.proto
	mv $(PROTO)/regsweep.pb-c.h $(PROTO)/include/

# Docs/sweep-file.md is committed; a test compares it with the declarations.
reference:
	REGSWEEP_WRITE_REFERENCE=1 $(SWIFT) test --filter SweepReferenceTests

setup:
	@.ci/install $(PACKAGES)

setup-test:
	@.ci/install $(TEST_PACKAGES)

clean:
	rm -rf .build
