/** Whether variants of a product have the same bits on a device: of every row, whatever the number of rows, with every epilogue. */
import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { linear, linearBackward } from './linear.ts';
import type { LinearQuestion } from './linear_kernel.ts';
import type { LinearVariant } from './linear_variants.ts';

/** What a product is added to and multiplied by. */
interface Epilogue {
  readonly bias?: boolean;
  readonly accumulate?: boolean;
  readonly rowScale?: boolean;
}

const EPILOGUES: Readonly<Record<LinearQuestion['direction'], readonly Epilogue[]>> = {
  forward: [{ bias: true }, { accumulate: true }, { bias: true, accumulate: true }],
  backward: [{ accumulate: true }, { rowScale: true }],
};
/** Rows that are compared bit by bit. */
const ROWS = 64;
/** No power of two, so that it rounds. */
const SCALE = 0.37;

/**
 * A product of a matrix and numbers that are the same for every question, so that a row has the same input in each: what the
 * untuned variant makes of 64 rows is what every variant has to make of them in a product of m rows.
 */
export class ComparedProduct {
  /** x or dy, [max(m, 64), terms]. */
  readonly inp: Tensor;
  /** [max(m, 64), width]. */
  readonly out: Tensor;
  readonly #device: Device;
  readonly #weight: Tensor;
  readonly #q: LinearQuestion;
  readonly #untuned: LinearVariant;

  constructor(device: Device, weight: Tensor, question: LinearQuestion, untuned: LinearVariant) {
    const { m, terms, width } = question;
    const rows = Math.max(m, ROWS);
    this.#device = device;
    this.#weight = weight;
    this.#q = question;
    this.#untuned = untuned;
    this.inp = device.upload(noise(rows * terms), [rows, terms]);
    this.out = device.arena.alloc([rows, width], 'f32', 'tuned product');
  }

  /** Records the product of so many rows of a matrix of the question's shape. */
  record(weight: Tensor, variant: LinearVariant, rows = this.#q.m): void {
    const { inp, out } = this;
    const rec = this.#device.recorder();
    const { terms, width } = this.#q;
    if (this.#q.direction === 'forward') linear(rec, { inp, weight, out }, { m: rows, n: width, k: terms, variant });
    else linearBackward(rec, { dout: inp, weight, dinp: out }, { m: rows, n: terms, k: width, variant });
  }

  /** Whether the first rows of m have the bits of the untuned variant's 64. */
  async same(variant: LinearVariant): Promise<boolean> {
    const bits = (rows: number, by: LinearVariant) => {
      // What a variant leaves unwritten must not look like another's result.
      this.#device.recorder().clear(this.out);
      this.record(this.#weight, by, rows);
      return this.#bits();
    };
    return equal(await bits(this.#q.m, variant), await bits(ROWS, this.#untuned));
  }

  /** The same of what is done with the product before it is written. */
  async sameEpilogues(variant: LinearVariant): Promise<boolean> {
    const { arena } = this.#device;
    const { m, width, direction } = this.#q;
    const bias = this.#device.upload(noise(width), [width]);
    const rowScale = this.#device.upload(noise(ROWS), [ROWS]);
    const before = noise(ROWS * width);
    try {
      for (const epilogue of EPILOGUES[direction]) {
        // A bias is read by whole vectors.
        if (epilogue.bias && width % 4 !== 0) continue;
        const bits = (rows: number, by: LinearVariant) => {
          this.#device.write(this.out, before);
          this.#finish(epilogue, { bias, rowScale }, rows, by);
          return this.#bits();
        };
        const got = await bits(Math.min(m, ROWS), variant);
        if (!equal(got, await bits(ROWS, this.#untuned))) return false;
      }
      return true;
    } finally {
      arena.free(bias);
      arena.free(rowScale);
    }
  }

  free(): void {
    this.#device.arena.free(this.inp);
    this.#device.arena.free(this.out);
  }

  #finish(e: Epilogue, t: { bias: Tensor; rowScale: Tensor }, m: number, variant: LinearVariant): void {
    const { inp, out } = this;
    const weight = this.#weight;
    const rec = this.#device.recorder();
    const { terms, width, direction } = this.#q;
    const { accumulate = false } = e;
    if (direction === 'forward') {
      const o = { m, n: width, k: terms, scale: SCALE, accumulate, variant };
      linear(rec, { inp, weight, out, ...(e.bias && { bias: t.bias }) }, o);
    } else {
      const tensors = { dout: inp, weight, dinp: out, ...(e.rowScale && { rowScale: t.rowScale }) };
      linearBackward(rec, tensors, { m, n: terms, k: width, accumulate, variant });
    }
  }

  /** Of the rows that both products have. */
  #bits(): Promise<Uint32Array> {
    const { m, width } = this.#q;
    const rows = Math.min(m, ROWS);
    return this.#device.readU32({ ...this.out, shape: [rows, width], bytes: 4 * rows * width });
  }
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  return a.every((word, i) => word === b[i]);
}

/** A shorter array is the beginning of a longer one. */
function noise(n: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
