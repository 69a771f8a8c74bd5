/** Products with matrices that may lie in several parts, and the gather of their rows. */
import type { WeightType } from '../gpu/blocks.ts';
import type { Device } from '../gpu/device.ts';
import { type Matrix, sliceRows } from '../gpu/matrix.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { embedding } from './embedding.ts';
import { headBackward } from './head.ts';
import { gates, linear, linearBackward, linearGated } from './linear.ts';

interface Rows {
  /** Rows of the input. */
  readonly m: number;
  /** Which rows of the matrix: a multiple of 4 and on, all by default. */
  readonly firstRow?: number;
  readonly rows?: number;
}

/**
 * out[m, r] = scale * inp[m] · W[firstRow + r] + bias[r], each part at its columns. inp [M, K] f32; out [M, outStride] f32,
 * by default `rows` wide. The sums are those of one part: the cut goes through the columns of the output.
 */
export function matrixProduct(
  rec: Recorder,
  t: { inp: Tensor; weight: Matrix; bias?: Tensor | undefined; out: Tensor },
  o: Rows & { outStride?: number; scale?: number },
): void {
  const { weight, inp, out, bias } = t;
  const { m, firstRow = 0, rows = weight.rows, outStride = rows, scale = 1 } = o;
  for (const { tensor, firstBlockRow, rows: n, offset } of sliceRows(weight, firstRow, rows)) {
    linear(
      rec,
      { inp, weight: tensor, out, ...(bias && { bias }) },
      { m, n, k: weight.columns, firstBlockRow, outStride, outOffset: offset, biasOffset: offset, scale },
    );
  }
}

/** Whether `gatedProduct` takes a matrix of gates and ups: it lies in one part, for which `gates` is true. */
export function gatesMatrix(device: Device, weight: Matrix, o: { m: number; bias: boolean }): boolean {
  const [part, second] = weight.parts;
  if (!part || second) return false;
  const dtype = part.tensor.dtype as WeightType;
  return gates(device, { ...o, f: weight.rows / 2, k: weight.columns, dtype });
}

/** out [M, F] = silu(gate) * up of inp Wᵀ (+ bias); W [2F, K] has the gates' rows first. Where `gatesMatrix` says so. */
export function gatedProduct(
  rec: Recorder,
  t: { inp: Tensor; weight: Matrix; bias?: Tensor | undefined; out: Tensor },
  { m }: { m: number },
): void {
  const { weight, inp, out, bias } = t;
  for (const { tensor } of weight.parts) {
    linearGated(rec, { inp, weight: tensor, out, ...(bias && { bias }) }, { m, f: weight.rows / 2, k: weight.columns });
  }
}

/**
 * dinp[m] (+)= Σ_r dout[m, r] W[firstRow + r]; with `rowScale` [M] instead rowScale[m] * dinp[m] + Σ_r …. The parts' sums
 * are added in the order of their rows. dout [M, doutStride] f32; dinp [M, K] f32.
 */
export function matrixProductBackward(
  rec: Recorder,
  t: { dout: Tensor; weight: Matrix; dinp: Tensor; rowScale?: Tensor | undefined },
  o: Rows & { doutStride?: number; accumulate?: boolean },
): void {
  const { weight, dout, dinp, rowScale } = t;
  const { m, firstRow = 0, rows = weight.rows, doutStride = rows, accumulate = false } = o;
  sliceRows(weight, firstRow, rows).forEach(({ tensor, firstBlockRow, rows: n, offset }, i) => {
    linearBackward(
      rec,
      { dout, weight: tensor, dinp, ...(rowScale && i === 0 && { rowScale }) },
      { m, n, k: weight.columns, firstBlockRow, doutStride, doutOffset: offset, accumulate: accumulate || i > 0 },
    );
  });
}

/** out [N, K] f32 = W[ids[n]]; ids [N] u32, one that W has not gives a row of zeros. */
export function matrixRows(rec: Recorder, t: { ids: Tensor; weight: Matrix; out: Tensor }, n: number): void {
  const { weight, ...rest } = t;
  for (const { tensor, firstRow } of weight.parts) {
    embedding(
      rec,
      { ...rest, weight: tensor },
      { n, c: weight.columns, rows: tensor.shape[0] as number, first: firstRow },
    );
  }
}

/** `headBackward` with the targets' rows wherever they lie; each part's pairs are summed in their order. */
export function matrixHeadBackward(
  rec: Recorder,
  t: Omit<Parameters<typeof headBackward>[1], 'weight'> & { weight: Matrix },
  o: { rows: number; invTemperature: number },
): void {
  const { weight, ...rest } = t;
  for (const { tensor, firstRow } of weight.parts) {
    headBackward(
      rec,
      { ...rest, weight: tensor },
      { ...o, c: weight.columns, vocab: tensor.shape[0] as number, first: firstRow },
    );
  }
}
