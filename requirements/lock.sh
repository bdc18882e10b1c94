#!/bin/sh
# Resolve *.in to *.txt: exact versions with hashes, for every platform, without registry addresses.
# Needs uv (pip install uv). Run from the repository root; `make lock` does.
set -eu
for name in base torch dev notebooks; do
    uv pip compile "requirements/$name.in" --output-file "requirements/$name.txt" \
        --universal --python-version 3.11 --generate-hashes --upgrade \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet
done
