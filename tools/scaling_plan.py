"""The plans in docs/scaling.md: text around the arithmetic of `benchmark.plan`."""

from __future__ import annotations

import textwrap

from benchmark import plan
from benchmark.larger import GPT2
from benchmark.plan import Plan

from glassgpt.config import ModelConfig
from glassgpt.scale.torch.throughput import published

PEAK = published("NVIDIA H100 80GB HBM3") or 0.0
MFU = 0.4
SMALL = Plan(GPT2, 10e9, 512, 8, PEAK, MFU)
XL = ModelConfig(50304, 48, 1600, 25, 1024)
LARGE = Plan(XL, 20 * XL.num_params, 512, 64, PEAK, MFU)
MICRO = 32
NETWORKS = (
    ("8 cards of 400 Gb/s", 400e9),
    ("1 card of 400 Gb/s", 50e9),
    ("100 Gb/s", 12.5e9),
    ("10 Gb/s", 1.25e9),
)
"""Of a machine, and the bytes per second that it can send."""
RECIPE = "--init-std 0.02 --beta1 0.9 --beta2 0.95"
LEFT_ALONE = ("|", "#", "-", "    ")
"""How blocks of Markdown begin whose lines mean something."""


def flags(p: Plan, lr: str) -> str:
    m = p.model
    return (
        f"--n-layer {m.n_layer} --n-embd {m.n_embd} --n-head {m.n_head} --block-size "
        f"{m.block_size} \\\n      --batch-size {p.windows} --steps {p.steps} --lr {lr} {RECIPE}"
    )


def gb(number: float) -> str:
    return f"{number / 1e9:.3g} GB"


def arithmetic(p: Plan) -> str:
    """From the shape to hours, every number on the way."""
    m, params = p.model, p.model.num_params
    e, weights = m.n_embd, plan.matrix_weights(p.model)
    attention = 12 * m.n_layer * e * (m.block_size + 1) / 2
    return (
        "| | | |\n|---|---|---:|\n"
        f"| parameters | (2 · {m.vocab_size:,} + {m.block_size:,}) · {e:,} + {m.n_layer} · 12 · "
        f"{e:,}² | {params:,} |\n"
        f"| in matrices | {m.n_layer} · 12 · {e:,}² + {m.vocab_size:,} · {e:,} | {weights:,} |\n"
        f"| operations per token | 6 · {weights / 1e6:.1f}M + 12 · {m.n_layer} · {e:,} · "
        f"{(m.block_size + 1) / 2} = {6 * weights / 1e6:,.1f}M + {attention / 1e6:.1f}M | "
        f"{plan.operations_a_token(m) / 1e6:,.1f} million |\n"
        f"| tokens per step | {p.windows} · {m.block_size:,} | {p.tokens_a_step:,} |\n"
        f"| steps | {p.tokens / 1e9:.4g} billion / {p.tokens_a_step:,} | {p.steps:,} |\n"
        f"| a step | {plan.operations_a_token(m) / 1e6:,.1f}M · {p.tokens_a_step:,} / ({p.gpus} · "
        f"{p.mfu:.0%} · {p.peak / 1e12:.0f} TFLOP/s) | {p.step_seconds:.3f} s |\n"
        f"| all steps | {p.steps:,} · {p.step_seconds:.3f} s | **{p.hours:.1f} hours** |\n"
        f"| weights, gradients, moments | {plan.STATE_BYTES} bytes · {params:,} | "
        f"{gb(plan.STATE_BYTES * params)} |\n"
        f"| a checkpoint | {plan.CHECKPOINT_BYTES} bytes · {params:,} | "
        f"{gb(plan.CHECKPOINT_BYTES * params)} |\n\n"
    )


def small() -> str:
    m, sent = SMALL.model, plan.ddp_traffic(SMALL.model.num_params, SMALL.gpus)
    memory = "".join(
        f"| {n} | {n * m.block_size:,} | {gb(plan.device_bytes(m, n))} |\n" for n in (4, 8, 16, 32)
    )
    return f"""## A plan for one machine with 8 GPUs

This plan trains a model of the shape of GPT-2 small on byte pairs, {SMALL.tokens / 1e9:.0f} billion
tokens. **Assumed, not measured:** H100 GPUs of {PEAK / 1e12:.0f} TFLOP/s (bfloat16, by their data
sheet) and an MFU of {MFU:.0%}. At half the MFU it takes twice as long. lm_head is not tied to wte,
so there are {m.vocab_size * m.n_embd / 1e6:.1f} million parameters more than the 124 million of
GPT-2 small; the number of operations is the same.

{arithmetic(SMALL)}    glassgpt datasets prepare *.jsonl --documents jsonl --tokens bytes \\
      --vocab-size {m.vocab_size} -o texts
    torchrun --standalone --nproc-per-node {SMALL.gpus} --max-restarts 3 -m glassgpt train texts \\
      --engine torch --dtype bfloat16 --parallel ddp --micro-batch {MICRO} \\
      {flags(SMALL, "6e-4")} \\
      --save-every 600 -o runs/small

**Micro-batch.** A process has {SMALL.windows} / {SMALL.gpus} = {SMALL.share} windows per step and
takes `--micro-batch` of them at once. The table shows the memory needed, not compiled. CUDA and the
allocator need memory on top of it, so leave a fifth of the GPU free:

| windows at once | tokens | memory |
|---:|---:|---:|
{memory}
A token keeps {plan.kept_bytes(m, "bfloat16"):,} bytes for its backward pass (34 n_embd + 4
n_head + 8 per layer, and log p of the whole vocabulary) and needs
{plan.loss_bytes(m, "bfloat16"):,} more while the gradient of the logits is computed. Take the
largest power of two that
fits: {MICRO} on 80 GB, 16 on 40 GB. This changes the speed; the numbers change only by rounding.

**Network.** DDP sends 2 · 7/8 · 4 bytes · {m.num_params:,} = {gb(sent)} from each GPU per step: at
450 GB/s (NVLink of an H100, one direction) {sent / 450e9 * 1e3:.1f} ms, at 25 GB/s (PCIe)
{sent / 25e9 * 1e3:.0f} ms, beside {SMALL.step_seconds * 1e3:.0f} ms of computation, and most of
it overlaps with the backward pass.

"""


def large(rate: str, host: str) -> str:
    m, params = LARGE.model, LARGE.model.num_params
    layers = 12 * m.n_embd**2 * m.n_layer
    ddp, fsdp = plan.ddp_traffic(params, 64), plan.fsdp_traffic(m, 64)
    networks = "".join(
        f"| {name} | {fsdp / bandwidth:.3g} s | {ddp / bandwidth:.3g} s |\n"
        for name, bandwidth in NETWORKS
    )
    share = LARGE.share
    minutes = params / (float(rate) * 1e6) / 60
    return f"""## A plan for 8 machines with 8 GPUs each

1.5 billion parameters in the layers, {LARGE.tokens / 1e9:.1f} billion tokens: 20 a parameter, as
Hoffmann et al. 2022 (arXiv:2203.15556) advise. {params / 1e9:.2f} billion in all is within the
2 billion that `config.py` allows. The same two assumptions.

{arithmetic(LARGE)}Run this on every machine at about the same time; `first` is the host name of one
of them:

    torchrun --nnodes 8 --nproc-per-node 8 --max-restarts 3 \\
      --rdzv-backend c10d --rdzv-endpoint first:29400 --rdzv-id large -m glassgpt train texts \\
      --engine torch --dtype bfloat16 --parallel fsdp \\
      {flags(LARGE, "2e-4")} \\
      --save-every 600 -o runs/large

The rendezvous assigns the ranks, so `--node-rank` is not needed. The corpus and the run directory
must be on a file system that all machines share, under the same path: all processes read them, only
process 0 writes.

**Why FSDP.** With DDP each GPU would keep {gb(plan.STATE_BYTES * params)} of weights, gradients and
moments, and with its {share} windows need about {gb(plan.device_bytes(m, share))}: too much for 40
GB, possible on 80 GB. With FSDP each keeps a part, {gb(plan.STATE_BYTES * params / LARGE.gpus)},
and needs about {gb(plan.device_bytes(m, share, parts=64))}. `--parallel auto` takes FSDP only where
the state is more than 40 % of a GPU's memory, so on 80 GB it would take DDP, which sends a little
less: if both fit, time both. With FSDP do not set `--micro-batch` below the share of a process:
every micro-batch gathers the whole model twice, and unsharded gradients stay in memory.

**Network.** FSDP gathers the weights forward and backward, those of the layers in bfloat16, and
scatters the gradients in float32: 63/64 · (2 · 2 + 4) bytes · {layers / 1e9:.3f} billion in the
layers and 63/64 · (2 · 4 + 4) bytes · {(params - layers) / 1e9:.3f} billion outside of them =
{gb(fsdp)} from each GPU per step; DDP 2 · 63/64 · 4 bytes · {params / 1e9:.3f} billion = {gb(ddp)}.
In a ring over all GPUs this traffic passes through the network of each machine, compared with
{LARGE.step_seconds:.2f} s of computing:

| network of a machine | FSDP | DDP |
|---|---:|---:|
{networks}
Traffic that takes longer than the computation slows training down. In that case a larger
`--batch-size` with fewer `--steps` helps: more windows per GPU mean more computation for the same
traffic.

**Start.** Each process draws the initial weights from CPython's generator, one by one, because the
random stream of the recipe is guaranteed: {rate} million per second here, so {minutes:.0f} minutes
for this model before the first step. A process that resumes has {gb(plan.host_bytes(m))} of float64
state and float32 weights in the memory of its machine, the 8 of a machine
{gb(8 * plan.host_bytes(m))}.

**Host.** Every process reads all {LARGE.windows} windows per step and packs its own. Checking
512 windows of 1,024 tokens and packing 64 of them takes {host} ms here, while the GPU computes.

"""


COMMON = """## What to know on any number of GPUs

- **The numbers.** Training on N processes gives the same result as on one, for every N,
  `--parallel` and `--micro-batch`: the same windows in every step and the same loss, up to
  rounding. A run can be resumed with a different number of processes.
- **Checkpoints** are gathered into our own format by process 0: float32, 12 bytes per parameter (24
  for a run in float64), readable by every engine. Copying the state pauses training; `--save-every`
  is lengthened so that this costs at most 2 % of the time. Writing happens in the background.
- **A process that dies** ends the job, with one line from process 0; the last checkpoint is intact.
  With `--max-restarts` and `-o RUN` torchrun restarts all processes, and they continue from that
  checkpoint.
- **Ctrl-C** saves the run and says how to resume. torchrun then adds a traceback of its own.
- **Compiling** is on by default on a GPU for a million parameters or more; `--no-compile` starts
  faster.

## Where our recipe ends

Our recipe was made for a small model. At this scale it lacks common techniques, so expect a higher
loss than published results for the same number of tokens:

- Adam without weight decay (AdamW with a decay of 0 is the same).
- The learning rate falls linearly from the first step: there is no warm-up. 6e-4 is nanoGPT's rate
  for GPT-2 small, 2e-4 that of GPT-3's model of 1.3 billion (Brown et al. 2020,
  arXiv:2005.14165), both with warm-up: without it they may have to be lower. An `--init-std` of
  0.02 and betas of 0.9 and 0.95 are theirs, too; our defaults differ.
- No clipping of gradients. A loss that is not finite ends the run at its last good checkpoint.
- Every window has the same weight in the loss, even a short one at the end of a document; windows
  are not filled with the next document.
- FSDP sends gradients, and the weights outside the layers, in float32. There is no parallelism
  within a layer or between layers, and no recomputation: a model must fit with one window a
  process.

"""


def beside_nanogpt() -> str:
    m = GPT2
    whole = 6 * plan.matrix_weights(m) + 12 * m.n_layer * m.n_embd * m.block_size
    ours = plan.operations_a_token(m)
    return f"""## Comparing with nanoGPT on one GPU

This comparison was not measured, because no GPU was available. Both train GPT-2 small with 16
windows of 1,024 tokens per step, in bfloat16, compiled. Run the first command in a checkout of
[nanoGPT](https://github.com/karpathy/nanoGPT), the second here:

    python bench.py --batch_size=16 --real_data=False --dtype=bfloat16 --compile=True
    python tools/scaling.py --device cuda --dtype bfloat16

nanoGPT prints milliseconds per iteration: divide 16 · 1,024 by the seconds per iteration to get its
tokens per second. Ours are in the row *GPT-2 small*, compiled. Compare those, not the MFU. nanoGPT
counts attention to all {m.block_size:,} tokens, {whole / 1e6:.1f} million operations per token
where we count {ours / 1e6:.1f}, and always divides by the 312 TFLOP/s of an A100. The models differ
a little: its lm_head is tied to wte, it has LayerNorm and GELU where ours has RMSNorm and ReLU.
"""


def wrapped(text: str) -> str:
    """Markdown with its paragraphs in lines of 100 columns."""
    return (
        "\n\n".join(
            block
            if block.startswith(LEFT_ALONE)
            else textwrap.fill(block, 100, break_long_words=False, break_on_hyphens=False)
            for block in text.strip().split("\n\n")
        )
        + "\n"
    )


def plans(rate: str, host: str) -> str:
    """The second half of the document.

    Args:
        rate: initial weights drawn, millions a second, as measured.
        host: milliseconds a step for reading a batch, as measured.
    """
    return small() + large(rate, host) + COMMON + beside_nanogpt()
