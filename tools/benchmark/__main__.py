"""Time the engines and print JSON; `tools/performance.py` makes tables of it.

cd tools; python -m benchmark --full
"""

from __future__ import annotations

import argparse
import json
import sys

from benchmark.machine import one_blas_thread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all sizes, and PyTorch's larger ones")
    parser.add_argument("--rounds", type=int, help="of measurements; the best of each case counts")
    options = parser.parse_args()
    one_blas_thread()  # before NumPy is loaded

    from benchmark import larger, report
    from glassgpt import engines

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    plan = larger.Plan(full=True) if options.full and "torch" in engines.available() else None
    effort = report.FULL if options.full else report.QUICK
    print(json.dumps(report.run(effort, (), options.rounds, plan, say)))


if __name__ == "__main__":
    main()
