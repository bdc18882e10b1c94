"""Every size a request may have. docs/api.md and the OpenAPI document say the same."""

from __future__ import annotations

MAX_SAMPLES = 100
"""Texts of one /generate."""

MAX_TEMPERATURE = 10.0
MAX_TOP_K = 10_000
MAX_SEED = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact."""

MAX_TEXT = 1_000
"""Characters to tokenize or to trace."""

MAX_TRACE_NUMBERS = 1_000_000
"""Numbers in one answer of /trace; at most about 25 bytes each."""

MAX_JSON_PARAMS = 2_000_000
"""Parameters of a model that is still written as model.json."""

# What /train may be asked to do. The seconds hold whatever the sizes add up to.
MAX_TRAIN_DOCUMENTS = 40_000
MAX_TRAIN_DOCUMENT = 100
MAX_TRAIN_CHARACTERS = 5_000
"""Distinct ones: each is a row of two tables and a column of every softmax."""

MAX_TRAIN_PARAMS = 500_000
"""Of the model: it bounds memory, the size of the answer and the time of a step."""

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
"""Threads that compute. More do not help: Python runs one of them at a time outside the kernel."""

MAX_JOBS = 128
"""Requests being computed or waiting their turn; one more is answered 503."""

MAX_REQUESTS = 256
"""Requests of any kind at once."""

SLICE_SECONDS = 0.02
"""A job computes this long, then lets others have the thread."""

BODY_SECONDS = 10.0
"""For a request body to arrive."""

REQUEST_SECONDS = 120.0
"""For a whole request, the sending of its answer included."""

RETRY_SECONDS = 2
"""What a client is told to wait after 503."""
