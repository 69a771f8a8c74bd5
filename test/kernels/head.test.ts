import { describe, expect, it, vi } from 'vitest';
import { head } from '../../src/autograd/ops.ts';
import { Tape } from '../../src/autograd/tape.ts';
import { matrixOf } from '../../src/gpu/matrix.ts';
import type { Tensor } from '../../src/gpu/tensor.ts';
import { headBackward, headFinish, headPick, headUpdate } from '../../src/kernels/head.ts';
import { linear, linearBackward } from '../../src/kernels/linear.ts';
import { randomSource } from '../cases/case.ts';
import { cases, randomPairs } from '../cases/head.ts';
import { packWeight } from '../cases/weights.ts';
import { headForward, headBackward as referenceBackward } from '../reference/head.ts';
import { testDevice } from '../setup/device.ts';
import { largestError } from '../setup/golden.ts';
import { describeCases } from './driver.ts';

const device = await testDevice();

describeCases('head', cases());

const rows = 11;
const c = 20;
const v = 131;
const temperature = 0.8;
const random = randomSource(8);
const hidden = random.array(rows * c);
const weight = random.array(v * c);
const pairs = randomPairs(rows, v, 4);
const coef = random.array(pairs.rows.length);

/** The head over vocabulary tiles, as a training pass runs it; without `gradient`, as scoring does. */
async function fusedHead(tile: number, gradient: boolean) {
  const p = pairs.rows.length;
  const blocks = packWeight({ data: weight, shape: [v, c] });
  const made: Tensor[] = [];
  const keep = (tensor: Tensor) => {
    made.push(tensor);
    return tensor;
  };
  const up = (data: Float32Array | Uint32Array, shape: number[]) => keep(device.upload(data, shape));
  const make = (shape: number[], label: string) => keep(device.arena.alloc(shape, 'f32', label));
  const stride = Math.min(tile, Math.ceil(v / 4) * 4);
  const inp = up(hidden, [rows, c]);
  const w = { ...up(new Float32Array(blocks.buffer), [blocks.length / 4]), shape: [v, c] };
  const table = { rows: up(pairs.rows, [p]), targets: up(pairs.targets, [p]), start: up(pairs.start, [rows + 1]) };
  const [logits, stats, rescale] = [make([rows, stride], 'logits'), make([rows, 4], 'stats'), make([rows], 'rescale')];
  const [picked, logp, entropy] = [make([p], 'picked'), make([p], 'logp'), make([rows], 'entropy')];
  const [acc, dhidden] = [make([rows, c], 'acc'), make([rows, c], 'dhidden')];
  const rec = device.recorder();
  for (let v0 = 0; v0 < v; v0 += stride) {
    const vt = Math.min(stride, v - v0);
    const first = v0 === 0;
    const at = { firstBlockRow: v0 / 4 };
    linear(
      rec,
      { inp, weight: w, out: logits },
      { m: rows, n: vt, k: c, ...at, outStride: stride, scale: 1 / temperature },
    );
    headPick(rec, { logits, rows: table.rows, targets: table.targets, picked }, { pairs: p, v0, vt, stride });
    headUpdate(rec, { logits, stats, rescale }, { rows, vt, stride, first, keepProbabilities: gradient });
    if (gradient) {
      linearBackward(
        rec,
        { dout: logits, weight: w, dinp: acc, ...(!first && { rowScale: rescale }) },
        { m: rows, n: vt, k: c, ...at, doutStride: stride },
      );
    }
  }
  headFinish(rec, { stats, rows: table.rows, picked, logp, entropy }, { pairs: p, rows });
  if (gradient) {
    headBackward(
      rec,
      { acc, stats, pairStart: table.start, targets: table.targets, coef: up(coef, [p]), weight: w, dhidden },
      { rows, c, vocab: v, invTemperature: 1 / temperature },
    );
  }
  rec.submit();
  const read = async (tensor: Tensor) => Float32Array.from(await device.read(tensor));
  const result = { logp: await read(logp), entropy: await read(entropy), dhidden: await read(dhidden) };
  for (const tensor of made) device.arena.free(tensor);
  return result;
}

describe('the fused head', () => {
  const o = { rows, c, v, temperature };
  const exact = headForward(Float64Array.from(hidden), Float64Array.from(weight), pairs, o);
  // One column of ones for s: the reference's expectation is already divided by the sum.
  const stats = new Float64Array(4 * rows).fill(1);
  const inputs = { acc: exact.expected, stats, coef: Float64Array.from(coef), weight: Float64Array.from(weight) };
  const gradient = referenceBackward(inputs, pairs, { rows, c, invTemperature: 1 / temperature });

  it.each([16, 64, 132, 1024])('matches a softmax over the whole vocabulary in tiles of %i', async (tile) => {
    const got = await fusedHead(tile, true);
    expect(largestError(got.logp, exact.logp)).toBeLessThan(5e-6);
    expect(largestError(got.entropy, exact.entropy)).toBeLessThan(5e-6);
    expect(largestError(got.dhidden, gradient)).toBeLessThan(1e-5);
  });

  it('gives the same bits with and without a gradient', async () => {
    const [training, scoring] = [await fusedHead(64, true), await fusedHead(64, false)];
    expect(scoring.logp).toEqual(training.logp);
    expect(scoring.entropy).toEqual(training.entropy);
  });

  it('multiplies each row with each token once, and once more for the gradient, all of it forward', () => {
    const p = pairs.rows.length;
    const blocks = packWeight({ data: weight, shape: [v, c] });
    const tensor = { ...device.upload(new Float32Array(blocks.buffer), [blocks.length / 4]), shape: [v, c] };
    const [pairRow, pairStart, targets] = [pairs.rows, pairs.start, pairs.targets].map((data) =>
      device.upload(data, [data.length]),
    ) as [Tensor, Tensor, Tensor];
    const grad = device.arena.alloc([1, c]);
    const inp = device.upload(hidden, [rows, c]);
    const flops = { linear: 0, linear_backward: 0 };
    const dispatch = vi.spyOn(device.recorder(), 'dispatch').mockImplementation((kernel, _, params, __, constants) => {
      const [name] = kernel.name.match(/^linear(_backward)?(?=_)/) ?? [];
      if (name) flops[name as keyof typeof flops] += kernel.cost(params, { ...kernel.constants, ...constants }).flops;
    });
    const tape = new Tape(device, { grad, layers: new Set([0]) });
    const leaf = tape.borrow(inp, true);
    const matrix = matrixOf([tensor]);
    const { logp, entropy } = head(tape, leaf, matrix, { rows, pairs: p, pairRow, pairStart, targets }, 1, 64);
    expect(flops).toEqual({ linear: 2 * rows * c * v, linear_backward: 2 * rows * c * v });
    tape.backward(logp, { tensor: device.upload(coef, [p]), references: 1 });
    expect(flops).toEqual({ linear: 2 * rows * c * v, linear_backward: 2 * rows * c * v });
    dispatch.mockRestore();
    tape.release(logp, entropy);
    const gradient = tape.takeGradient(leaf);
    if (gradient) tape.dropGradient(gradient);
    for (const made of [tensor, pairRow, pairStart, targets, grad, inp]) device.arena.free(made);
  });

  it('has the gradient of its log-probabilities by central differences', () => {
    const h = 1e-5;
    const loss = (at: Float64Array) =>
      headForward(at, inputs.weight, pairs, o).logp.reduce((sum, logp, p) => sum + (coef[p] as number) * logp, 0);
    gradient.forEach((want, i) => {
      const moved = (by: number) => Float64Array.from(hidden, (x, j) => x + (j === i ? by : 0));
      expect((loss(moved(h)) - loss(moved(-h))) / (2 * h)).toBeCloseTo(want, 6);
    });
  });
});
