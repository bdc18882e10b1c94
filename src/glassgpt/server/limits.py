"""All limits of the server. docs/api.md and the OpenAPI document say the same."""

from __future__ import annotations

MAX_SAMPLES = 100
"""The most texts that one /generate writes."""

MAX_TEMPERATURE = 10.0
MAX_TOP_K = 10_000
MAX_SEED = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly."""

MAX_TEXT = 1_000
"""Characters of a prompt, or of a text to tokenize or to trace."""

MAX_TRACE_NUMBERS = 1_000_000
"""Numbers in one answer of /trace, each of about 25 bytes at most."""

MAX_JSON_PARAMS = 2_000_000
"""Parameters of the largest model that is written as model.json."""

# The largest training that /train accepts. It ends after MAX_TRAIN_SECONDS in any case.
MAX_TRAIN_DOCUMENTS = 40_000
MAX_TRAIN_DOCUMENT = 100
MAX_TRAIN_CHARACTERS = 5_000
"""Distinct characters: each has a row in two tables and an entry in every softmax."""

MAX_TRAIN_PARAMS = 500_000
"""Parameters of the model. They decide memory, the size of the answer, and the time of a step."""

MAX_TRAIN_STEPS = 10_000
MAX_TRAIN_BATCH = 16
MAX_TRAIN_LAYERS = 4
MAX_TRAIN_EMBD = 64
MAX_TRAIN_BLOCK = 64
MAX_TRAIN_SAMPLES = 20
MAX_TRAIN_SECONDS = 30.0

MAX_BODY_BYTES = 16_384
MAX_TRAIN_BODY_BYTES = 2_097_152

WORKERS = 2
"""Threads that compute. More would not help: outside the kernel Python runs one at a time."""

MAX_JOBS = 128
"""Jobs that are being computed or waiting; one more is answered 503."""

MAX_REQUESTS = 256
"""Simultaneous requests of any kind."""

SLICE_SECONDS = 0.02
"""How long a job computes before another one has its turn."""

BODY_SECONDS = 10.0
"""How long a request body may take to arrive."""

REQUEST_SECONDS = 120.0
"""How long a whole request may take, including the sending of its answer."""

RETRY_SECONDS = 2
"""How long a client is told to wait after 503."""
