"""Hostile input, a great deal of it: never a traceback, a hang, or memory without bound.

    python tools/fuzz.py [--cases 20000] [--seed 1] [--driver mutate] [--target config.json]

Every case must end in success or in a GlassError of one line, without a warning, within 10 seconds
and a gigabyte above what an idle process has. A case that does not is written to a file and named;
the exit status is then 1. `mutate` makes valid files a little wrong; `hypothesis` invents them and
shrinks what it finds; `atheris` (if installed) lets the coverage of the code lead it.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import random
import resource
import signal
import sys
import tempfile
import time
import unicodedata
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fuzz_targets import Target, targets
from mutations import mutated

from glassgpt.errors import GlassError

SECONDS = 10
MEMORY = 1 << 30


class Finding(Exception):
    """A case that did what none may do."""


class Hang(BaseException):
    """Not an Exception, so that nobody catches it by accident."""


def check(target: Target, data: bytes) -> str:
    """Run one case; `accepted` or `refused`. Raises Finding."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        target.run(data)
        return "accepted"
    except GlassError as error:
        line = str(error)
        if len(line) > 1200 or any(unicodedata.category(c) in ("Cc", "Cs") for c in line):
            raise Finding(f"not one clean line: {line!r}") from error
        return "refused"
    except (Exception, Hang) as error:
        raise Finding(f"{type(error).__name__}: {error}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def guard() -> None:
    """A hang is an alarm, too much memory a MemoryError, a warning an error."""

    def alarm(number: int, frame: object) -> None:
        raise Hang(f"longer than {SECONDS} s")

    signal.signal(signal.SIGALRM, alarm)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    warnings.simplefilter("error")


def by_mutation(target: Target, cases: int, seed: int) -> Counter[str]:
    rng = random.Random(f"{seed} {target.name}")
    counts: Counter[str] = Counter()
    for _ in range(cases):
        data = mutated(rng.choice(target.seeds), rng, target.seeds)
        counts[guarded(target, data)] += 1
    return counts


def by_hypothesis(target: Target, cases: int, seed: int) -> Counter[str]:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    counts: Counter[str] = Counter()
    integers = st.integers(0, 2**64)
    inputs = st.one_of(
        st.binary(max_size=300),
        st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.builds(
            lambda i: mutated(target.seeds[i % len(target.seeds)], random.Random(i), target.seeds),
            integers,
        ),
    )

    @seeded(seed)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(inputs)
    def run(data: bytes) -> None:
        counts[guarded(target, data)] += 1

    run()
    return counts


def by_atheris(target: Target, cases: int, seed: int) -> Counter[str]:
    """In a process of its own, for libFuzzer does not come back."""
    import atheris

    counts: Counter[str] = Counter()
    pid = os.fork()
    if pid == 0:
        corpus = tempfile.mkdtemp()
        for i, data in enumerate(target.seeds):
            Path(corpus, str(i)).write_bytes(data)
        resource.setrlimit(
            resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2
        )  # it needs much itself
        atheris.instrument_all()
        flags = [f"-runs={cases}", f"-seed={seed}", "-rss_limit_mb=2048", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *flags, corpus], lambda data: check(target, data) and None)
        atheris.Fuzz()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise Finding(f"atheris ended with status {status}; its last lines above say why")
    counts["run"] = cases
    return counts


def guarded(target: Target, data: bytes) -> str:
    try:
        return check(target, data)
    except Finding as finding:
        path = Path(f"finding-{target.name.replace(' ', '-')}-{zlib.crc32(data):08x}")
        path.write_bytes(data)
        raise Finding(f"{target.name}: {finding} (the case is in {path.absolute()})") from finding


DRIVERS: dict[str, Callable[[Target, int, int], Counter[str]]] = {
    "mutate": by_mutation,
    "hypothesis": by_hypothesis,
    "atheris": by_atheris,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000, help="in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", choices=DRIVERS, default="mutate")
    parser.add_argument("--target", help="only those with this in their name")
    parser.add_argument("--case", type=Path, help="run the case in this file")
    options = parser.parse_args()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="glassgpt-fuzz-", dir=memory) as directory:
        every = targets(Path(directory))
        chosen = [t for t in every if (options.target or "") in t.name]
        shares = sum(target.share for target in chosen)
        guard()
        total = 0
        for target in chosen:
            if options.case:
                print(f"{target.name}: {check(target, options.case.read_bytes())}")
                continue
            cases = round(options.cases * target.share / shares)
            started = time.monotonic()
            try:
                counts = DRIVERS[options.driver](target, cases, options.seed)
            except Finding as finding:
                cause = finding.__cause__
                while cause is not None and cause.__cause__ is not None:
                    cause = cause.__cause__
                if cause is not None:
                    sys.excepthook(type(cause), cause, cause.__traceback__)
                sys.exit(f"FOUND: {finding}")
            total += sum(counts.values())
            shown = ", ".join(f"{n:,} {what}" for what, n in sorted(counts.items()))
            print(f"{target.name:>20}  {shown}  ({time.monotonic() - started:.0f} s)", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{total:,} cases, seed {options.seed}: nothing found; peak memory {peak} MB")


if __name__ == "__main__":
    main()
