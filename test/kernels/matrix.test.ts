import { describe, expect, it } from 'vitest';
import { blockedBytes, type WeightType } from '../../src/gpu/blocks.ts';
import { type Matrix, matrixOf, sliceRows } from '../../src/gpu/matrix.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { matrixHeadBackward, matrixProduct, matrixProductBackward, matrixRows } from '../../src/kernels/matrix.ts';
import { type Input, randomSource } from '../cases/case.ts';
import { packWeight, weightInput, weightValues } from '../cases/weights.ts';
import { dequantise, QUANTS } from '../reference/quants.ts';
import { testDevice } from '../setup/device.ts';
import { golden, relativeError } from '../setup/golden.ts';

const device = await testDevice();

function upload(input: Input): Tensor {
  const packed = packWeight(input);
  const { buffer, bytes } = device.upload(packed, [packed.length / 4], 'u32', 'weight');
  return { buffer, bytes, shape: input.shape, dtype: input.weight ?? 'f32', label: 'weight' };
}

async function run<T extends Record<string, Tensor>>(
  record: (t: T) => void,
  tensors: T,
  out: Tensor,
): Promise<Float32Array> {
  record(tensors);
  const values = await device.read(out);
  for (const tensor of [...Object.values(tensors), out]) device.arena.free(tensor);
  return values;
}

async function gather(matrix: Matrix, ids: readonly number[]): Promise<Float32Array> {
  const out = device.arena.alloc([ids.length, matrix.columns]);
  const rows = { ids: device.upload(Uint32Array.from(ids), [ids.length]) };
  return run((t) => matrixRows(device.recorder(), { ...t, weight: matrix, out }, ids.length), rows, out);
}

const free = (matrix: Matrix) => {
  for (const { tensor } of matrix.parts) device.arena.free(tensor);
};

describe('every block format', async () => {
  const blocks = await golden('gguf-blocks');

  it.each(QUANTS)('%s is decoded in the kernel to the bits of the gguf package', async (type) => {
    const name = type.toUpperCase();
    const values = blocks.f32(`values.${name}`);
    const data = Uint8Array.from(blocks.ids(`blocks.${name}`));
    expect(Float32Array.from(dequantise(data, type))).toEqual(values);
    const matrix = matrixOf([upload({ data, shape: [6, 512], weight: type as WeightType })]);
    const got = await gather(matrix, [0, 1, 2, 3, 4, 5]);
    free(matrix);
    // A zero may have either sign.
    expect(got.map((x) => x + 0)).toEqual(values.map((x) => x + 0));
  });

  it('takes at most 3 % more on the device than in the file', () => {
    for (const type of QUANTS) {
      const stored = blocks.ids(`blocks.${type.toUpperCase()}`).length / 6;
      expect(blockedBytes(4, 512, type as WeightType) / (4 * stored), type).toBeLessThanOrEqual(1.03);
    }
  });
});

describe('a matrix in parts', () => {
  const [m, k, rows] = [5, 256, 40];
  const random = randomSource(11);
  const types: WeightType[] = ['q8_0', 'q4_1', 'bf16'];
  const inputs = [16, 20, 4].map((n, i) => weightInput(random, n, k, types[i] as WeightType));
  const values = Float32Array.from(inputs.flatMap((input) => [...weightValues(input)]));
  const inp = random.array(m * k);
  const bias = random.array(rows);
  const dout = random.array(m * rows);

  /** The same numbers in one f32 matrix, and in parts of three types. */
  const whole = () => matrixOf([upload({ data: values, shape: [rows, k] })]);
  const mixed = () => matrixOf(inputs.map(upload));
  /** One type, cut as a matrix is that takes more than one binding. */
  const split = () =>
    matrixOf(
      [0, 12, 24, 36].map((r) =>
        upload({ data: values.slice(r * k, Math.min(r + 12, rows) * k), shape: [Math.min(12, rows - r), k] }),
      ),
    );

  async function both<T>(work: (matrix: Matrix) => Promise<T>, other: () => Matrix): Promise<[T, T]> {
    const [a, b] = [whole(), other()];
    const results: [T, T] = [await work(a), await work(b)];
    free(a);
    free(b);
    return results;
  }

  const product = (weight: Matrix) => {
    const out = device.arena.alloc([m, rows]);
    const t = { inp: device.upload(inp, [m, k]), bias: device.upload(bias, [rows]) };
    return run((t) => matrixProduct(device.recorder(), { ...t, weight, out }, { m }), t, out);
  };
  const backward = (weight: Matrix) => {
    const dinp = device.arena.alloc([m, k]);
    const t = { dout: device.upload(dout, [m, rows]) };
    return run((t) => matrixProductBackward(device.recorder(), { ...t, weight, dinp }, { m }), t, dinp);
  };
  const headBackward = (weight: Matrix) => {
    const dhidden = device.arena.alloc([m, k]);
    const targets = [0, 39, 16, 15, 36, 35];
    const t = {
      acc: device.upload(inp, [m, k]),
      stats: device.upload(new Float32Array(4 * m).fill(2), [m, 4]),
      pairStart: device.upload(Uint32Array.of(0, 2, 2, 4, 5, 6), [m + 1]),
      targets: device.upload(Uint32Array.from(targets), [6]),
      coef: device.upload(random.array(6).fill(0.5), [6]),
    };
    const o = { rows: m, invTemperature: 1.25 };
    return run((t) => matrixHeadBackward(device.recorder(), { ...t, weight, dhidden }, o), t, dhidden);
  };

  it('gives the product of the whole one, bias and all, to the bit where the type is the same', async () => {
    const [a, b] = await both(product, split);
    expect(b).toEqual(a);
    const [c, d] = await both(product, mixed);
    expect(relativeError(d, c)).toBeLessThan(1e-6);
  });

  it('gives the backward product and the gradient of the head within rounding', async () => {
    for (const work of [backward, headBackward]) {
      for (const other of [split, mixed]) {
        const [a, b] = await both(work, other);
        expect(relativeError(b, a)).toBeLessThan(1e-6);
      }
    }
  });

  it('gives its rows, and zeros for those that it has not', async () => {
    const ids = [0, 11, 12, 16, 35, 36, 39, 40, 4294967295, 20];
    for (const other of [split, mixed]) {
      const [a, b] = await both((matrix) => gather(matrix, ids), other);
      expect(b).toEqual(a);
      expect(b.subarray(7 * k, 9 * k).every((x) => x === 0)).toBe(true);
    }
  });

  it('is cut at the borders of its parts, and only where a row of blocks begins', () => {
    const matrix = split();
    const slices = sliceRows(matrix, 8, 20).map(({ firstBlockRow, rows, offset }) => [firstBlockRow, rows, offset]);
    expect(slices).toEqual([
      [2, 4, 0],
      [0, 12, 4],
      [0, 4, 16],
    ]);
    expect(() => sliceRows(matrix, 2, 4)).toThrow(/row 2 does not begin a row of blocks/);
    free(matrix);
  });
});
