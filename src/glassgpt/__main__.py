"""`python -m glassgpt` is the `glassgpt` command."""

from glassgpt.cli import main

main()
