# `just` lists the recipes; https://just.systems

[private]
default:
    @just --list

# Formatting, lints and documentation, as the gate checks them
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Every test; arguments go to cargo test
test *arguments:
    cargo test --workspace {{ arguments }}

# Transfers with everything that can go wrong, from seed 0 up to SEEDS
simulate seeds="100000":
    FRAMECAT_SEEDS={{ seeds }} cargo test -p framecat-proto --test transfer sim -- --nocapture

# The tables of bench/README.md; for instance: just bench raw-pipe --runs 5
bench *arguments="all":
    cargo build --release -p framecat
    python3 bench/run.py {{ arguments }}

# What takes long or much room: a file of more than 4 GiB, killed and gone on with
soak:
    cargo test --release -p framecat --test transfer_hard -- --ignored

# Every fuzz target in turn, SECONDS each (needs cargo-fuzz and a nightly toolchain)
fuzz seconds="60":
    #!/usr/bin/env bash
    set -euo pipefail
    targets=$(cargo +nightly fuzz list)
    for target in $targets; do
        echo "== $target, {{ seconds }} s"
        cargo +nightly fuzz run "$target" -- -max_total_time={{ seconds }}
    done

# A static musl binary with man pages and completions, as target/dist/framecat-*.tar.gz
dist:
    dist/build

# The library's documentation, under target/doc
docs:
    cargo doc --workspace --no-deps
