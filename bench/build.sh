#!/usr/bin/env bash
# Compiles the limit programs of bench/limits into bench/target. CC and CFLAGS may be given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p target
for source in limits/*.c; do
    program=target/$(basename "$source" .c)
    if [ ! "$program" -nt "$source" ] || [ ! "$program" -nt limits/limits.h ]; then
        # shellcheck disable=SC2086 # CFLAGS is a list of words
        "${CC:-cc}" -std=gnu11 -Wall -Wextra ${CFLAGS:--O2} -o "$program" "$source"
    fi
done
