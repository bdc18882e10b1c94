/**
 * The C kernel as WebAssembly: the same source, and so the same numbers, as the native engine.
 *
 *     const kernel = await loadKernel(bytes);        // dist/kernel-float64.wasm or -float32.wasm
 *     const model = kernel.create({ vocab_size: 27, n_layer: 1, n_embd: 16, n_head: 4, block_size: 16 });
 *     model.importState({ params });                 // flat, in canonical order, row by row
 *     const losses = model.train([[[26, 4, 12, 12, 0, 26]]], [0.01]);
 *
 * Runs wherever WebAssembly does: a page, a worker, Node. Memory is given back by `free()`.
 */

/** Compile and start the kernel. `source`: its bytes, a compiled module, or a fetch Response. */
export async function loadKernel(source) {
  const answer = await source;
  const bytes = typeof answer.arrayBuffer === 'function' ? await answer.arrayBuffer() : answer;
  const module = bytes instanceof WebAssembly.Module ? bytes : await WebAssembly.compile(bytes);
  const { exports } = await WebAssembly.instantiate(module, {});
  exports._initialize();
  return new Kernel(exports);
}

/** One instance of the module: a memory of its own, and the models in it. */
class Kernel {
  constructor(exports) {
    this.c = exports;
  }

  /** A model of this shape; its weights are zero until they are imported. */
  create(config) {
    return new Model(this, config);
  }

  /** Reserve memory for arrays and copy them in, call, and give it back whatever happens. */
  withArrays(arrays, call) {
    const pointers = [];
    try {
      for (const array of arrays) {
        pointers.push(ok(this.c.malloc(Math.max(8, array.byteLength))));
        this.view(array.constructor, pointers.at(-1), array.length).set(array);
      }
      return call(...pointers);
    } finally {
      for (const pointer of pointers) this.c.free(pointer);
    }
  }

  /** Numbers in the kernel's memory. Good until the next call: memory may move when it grows. */
  view(type, pointer, length) {
    return new type(this.c.memory.buffer, pointer, length);
  }

  read(pointer, length) {
    return this.view(Float64Array, pointer, length).slice();
  }
}

class Model {
  constructor(kernel, config) {
    const { vocab_size: v, n_layer: l, n_embd: e, n_head: h, block_size: b } = config;
    this.kernel = kernel;
    this.config = config;
    this.size = (2 * v + b) * e + 12 * l * e * e;
    this.handle = ok(kernel.c.glass_create(v, l, e, h, b));
  }

  free() {
    this.kernel.c.glass_free(this.handle);
    this.handle = 0;
  }

  /** Parameters and, to go on with a run, Adam's moments and the updates made: Float64Arrays. */
  importState({ params, m, v, step = 0 }) {
    const zeros = new Float64Array(this.size);
    const arrays = [params, m ?? zeros, v ?? zeros].map((a) => Float64Array.from(a));
    if (arrays.some((a) => a.length !== this.size)) {
      throw new RangeError(`this shape has ${this.size} parameters`);
    }
    this.kernel.withArrays(arrays, (p, m, v) => {
      this.kernel.c.glass_import(this.handle, p, m, v, step);
    });
  }

  exportState() {
    const empty = new Float64Array(this.size);
    return this.kernel.withArrays([empty, empty, empty], (...pointers) => {
      const step = this.kernel.c.glass_export(this.handle, ...pointers);
      const [params, m, v] = pointers.map((pointer) => this.kernel.read(pointer, this.size));
      return { params, m, v, step };
    });
  }

  /**
   * One update for each batch (a list of documents, the same number in each). Returns the loss of
   * each before its update; ends with the first that is not finite, whose update is not made.
   */
  train(batches, learningRates, { beta1 = 0.85, beta2 = 0.99, eps = 1e-8 } = {}) {
    const steps = batches.length;
    if (steps !== learningRates.length) throw new RangeError('one learning rate for each batch');
    if (steps === 0) return new Float64Array(0);
    const size = batches[0].length;
    if (size === 0 || batches.some((batch) => batch.length !== size)) {
      throw new RangeError('batches must be of one size, at least 1');
    }
    const arrays = [...this.flatten(batches.flat()), Float64Array.from(learningRates)];
    return this.kernel.withArrays(
      [...arrays, new Float64Array(steps)],
      (tokens, offsets, rates, losses) => {
        const done = this.kernel.c.glass_train(
          ...[this.handle, tokens, offsets, steps, size, rates, beta1, beta2, eps, losses, 1, 0],
        );
        if (done < 0) throw new RangeError('no memory for documents of this length');
        return this.kernel.read(losses, done);
      },
    );
  }

  /** The loss of one batch, and its gradient as a flat array; nothing is updated. */
  lossAndGrads(batch) {
    const arrays = [...this.flatten(batch), new Float64Array(1), new Float64Array(this.size)];
    return this.kernel.withArrays(arrays, (tokens, offsets, loss, grads) => {
      const { c } = this.kernel;
      if (c.glass_loss_and_grads(this.handle, tokens, offsets, batch.length, loss, grads) < 0) {
        throw new RangeError('no memory for documents of this length');
      }
      return { loss: this.kernel.read(loss, 1)[0], grads: this.kernel.read(grads, this.size) };
    });
  }

  /** -log p of each predicted token (nats), an array for each document. */
  surprises(documents) {
    const lengths = documents.map((d) => Math.min(d.length - 1, this.config.block_size));
    const total = lengths.reduce((a, b) => a + b, 0);
    const arrays = [...this.flatten(documents), new Float64Array(total)];
    return this.kernel.withArrays(arrays, (tokens, offsets, out) => {
      const { c } = this.kernel;
      if (c.glass_surprises(this.handle, tokens, offsets, documents.length, out) < 0) {
        throw new RangeError('no memory for documents of this length');
      }
      let start = 0;
      return lengths.map((n) => this.kernel.read(out + 8 * (start += n) - 8 * n, n));
    });
  }

  /** Start reading a text, token by token, with the weights as they are at each token. */
  session() {
    return new Session(this);
  }

  /** All ids in a row, and where each document starts and the last one ends. */
  flatten(documents) {
    const offsets = new Int32Array(documents.length + 1);
    documents.forEach((document, i) => {
      if (document.length < 2) throw new RangeError('a document needs at least two tokens');
      offsets[i + 1] = offsets[i] + document.length;
    });
    const tokens = new Int32Array(offsets.at(-1));
    documents.forEach((document, i) => {
      document.forEach((id) => this.check(id));
      tokens.set(document, offsets[i]);
    });
    return [tokens, offsets];
  }

  check(id) {
    if (!(Number.isInteger(id) && id >= 0 && id < this.config.vocab_size)) {
      throw new RangeError(`token ids must be from 0 to ${this.config.vocab_size - 1}, not ${id}`);
    }
  }
}

/** One reading of a text, with a KV cache. */
class Session {
  constructor(model) {
    this.model = model;
    this.handle = ok(model.kernel.c.glass_session(model.handle));
    this.position = 0;
  }

  free() {
    this.model.kernel.c.glass_session_free(this.handle);
    this.handle = 0;
  }

  /** Read one more token; the logits, a Float64Array, for the one after it. */
  feed(id) {
    const { kernel, config } = this.model;
    this.model.check(id);
    if (this.position >= config.block_size) throw new RangeError('the context is full');
    this.position += 1;
    return kernel.withArrays([new Float64Array(config.vocab_size)], (logits) => {
      kernel.c.glass_feed(this.handle, id, logits);
      return kernel.read(logits, config.vocab_size);
    });
  }

  /**
   * Write up to n texts after a prompt (BOS first), with one of the `uniforms` a token, as Python's
   * random.choices uses it. Temperature 0 is greedy; topK 0 means all. A text includes the BOS that
   * ended it.
   */
  generate(n, prompt, uniforms, { temperature = 0.5, topK = 0 } = {}) {
    const { kernel, config } = this.model;
    prompt.forEach((id) => this.model.check(id));
    if (prompt.length < 1 || prompt.length > config.block_size) {
      throw new RangeError(`the prompt must have 1 to ${config.block_size} tokens`);
    }
    const arrays = [Int32Array.from(prompt), Float64Array.from(uniforms)];
    arrays.push(new Int32Array(n * config.block_size), new Int32Array(n), new Float64Array(n));
    arrays.push(new Int32Array(1));
    return kernel.withArrays(arrays, (start, numbers, out, lengths, logProbs, used) => {
      const args = [this.handle, start, prompt.length, prompt[0], n, temperature, topK];
      args.push(numbers, uniforms.length, out, lengths, logProbs, used);
      const written = kernel.c.glass_generate(...args);
      if (written < 0) throw new RangeError('no memory');
      const counts = kernel.view(Int32Array, lengths, written).slice();
      const texts = [...counts].map((length, i) =>
        [...kernel.view(Int32Array, out + 4 * i * config.block_size, length)],
      );
      const [taken] = kernel.view(Int32Array, used, 1);
      return { texts, logProbs: kernel.read(logProbs, written), used: taken };
    });
  }
}

function ok(pointer) {
  if (!pointer) throw new RangeError('not enough memory');
  return pointer;
}
