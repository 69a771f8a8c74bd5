import type { Device } from '../src/gpu/device.ts';
import type { Recorder } from '../src/gpu/recorder.ts';
import type { Tensor } from '../src/gpu/tensor.ts';
import { attention } from '../src/kernels/attention.ts';
import { linear } from '../src/kernels/linear.ts';
import { rmsnorm } from '../src/kernels/rmsnorm.ts';
import { sample } from '../src/kernels/sample.ts';
import { packWeight } from '../test/cases/weights.ts';
import type { Contestant } from './contestant.ts';
import { elementwiseSetUp } from './elementwise_ours.ts';
import {
  type Attention,
  EPSILON,
  errorOf,
  exact,
  type Matmul,
  type Problem,
  type RmsNorm,
  type Softmax,
} from './problems.ts';
import { trainingSetUp } from './training_ours.ts';

type Inputs = Record<string, Float32Array>;

export interface Setup {
  readonly tensors: Record<string, Tensor>;
  readonly note?: string;
  record(rec: Recorder): void;
  error(): Promise<number>;
}

/** trimtab's own kernels on a problem; its clock runs from recording to the queue being done, as for the peers. */
export function ours(device: Device, p: Problem, inputs: Inputs): Contestant {
  const setup = setUp(device, p, inputs);
  const rec = device.recorder();
  const batch = async (times: number) => {
    for (let i = 0; i < times; i++) setup.record(rec);
    rec.submit();
    await device.sync();
  };
  return {
    impl: 'trimtab',
    ...(setup.note && { note: setup.note }),
    batch,
    async error() {
      await batch(1);
      return setup.error();
    },
    free() {
      for (const tensor of Object.values(setup.tensors)) device.arena.free(tensor);
    },
  };
}

function setUp(device: Device, p: Problem, inputs: Inputs): Setup {
  switch (p.name) {
    case 'matmul':
      return matmul(device, p, inputs);
    case 'softmax':
      return softmax(device, p, inputs);
    case 'rmsnorm':
      return norm(device, p, inputs);
    case 'attention':
      return flash(device, p, inputs);
    case 'cross_entropy':
    case 'adamw':
      return trainingSetUp(device, p, inputs);
    default:
      return elementwiseSetUp(device, p, inputs);
  }
}

function matmul(device: Device, p: Matmul, inputs: Inputs): Setup {
  const { m, n, k } = p;
  const transposed = new Float32Array(n * k); // [N, K], as weights are
  for (let i = 0; i < k; i++) for (let j = 0; j < n; j++) transposed[j * k + i] = inputs.b?.[i * n + j] as number;
  const blocks = device.upload(
    packWeight({ data: transposed, shape: [n, k] }),
    [Math.ceil(n / 4) * Math.ceil(k / 4) * 16],
    'f32',
    'b',
  );
  const tensors = {
    inp: device.upload(inputs.a as Float32Array, [m, k], 'f32', 'a'),
    weight: { ...blocks, shape: [n, k] },
    out: device.arena.alloc([m, n], 'f32', 'out'),
  };
  return {
    tensors,
    record: (rec) => linear(rec, tensors, { m, n, k }),
    error: async () => errorOf(p, inputs, await device.read(tensors.out)),
  };
}

/** The engine has no softmax by itself: where others run one over logits and draw from it, it runs `sample`. */
function softmax(device: Device, p: Softmax, inputs: Inputs): Setup {
  const { rows, columns } = p;
  const stride = Math.ceil(columns / 4) * 4;
  const x = inputs.x as Float32Array;
  const padded = new Float32Array(rows * stride);
  for (let r = 0; r < rows; r++) padded.set(x.subarray(r * columns, (r + 1) * columns), r * stride);
  const control = new Uint32Array(4 * rows);
  const floats = new Float32Array(control.buffer);
  for (let r = 0; r < rows; r++) {
    floats[4 * r] = 1;
    floats[4 * r + 2] = 1;
  }
  const tensors = {
    logits: device.upload(padded, [rows, stride], 'f32', 'logits'),
    control: device.upload(control, [rows, 4], 'u32', 'control'),
    counters: device.upload(
      Uint32Array.from({ length: 4 * rows }, (_, i) => i),
      [rows, 4],
      'u32',
      'counters',
    ),
    places: device.upload(
      Uint32Array.from({ length: 4 * rows }, (_, i) => i >> 2),
      [rows, 4],
      'u32',
      'places',
    ),
    tokens: device.arena.alloc([rows], 'u32', 'tokens'),
    logp: device.arena.alloc([rows], 'f32', 'logp'),
    entropy: device.arena.alloc([rows], 'f32', 'entropy'),
  };
  return {
    tensors,
    note: 'sample: softmax, draw, log-probability, entropy; writes no probabilities, where peers write all',
    record: (rec) => sample(rec, tensors, { count: rows, v: columns, stride, key0: 0, key1: 0 }),
    async error() {
      const tokens = await device.readU32(tensors.tokens);
      const logp = await device.read(tensors.logp);
      const errors = Array.from(tokens, (token, r) => {
        const want = exact(p, inputs, r * columns + token);
        return Math.abs(Math.exp(logp[r] as number) - want) / want;
      });
      return errors.some(Number.isNaN) ? Number.NaN : Math.max(...errors);
    },
  };
}

function norm(device: Device, p: RmsNorm, inputs: Inputs): Setup {
  const { rows, columns } = p;
  const tensors = {
    inp: device.upload(inputs.x as Float32Array, [rows, columns], 'f32', 'x'),
    weight: device.upload(inputs.weight as Float32Array, [columns], 'f32', 'weight'),
    out: device.arena.alloc([rows, columns], 'f32', 'out'),
    rstd: device.arena.alloc([rows], 'f32', 'rstd'),
  };
  return {
    tensors,
    record: (rec) => rmsnorm(rec, tensors, { n: rows, c: columns, eps: EPSILON }),
    error: async () => errorOf(p, inputs, await device.read(tensors.out)),
  };
}

/** Every sequence of the batch is packed after the one before; q, k and v lie in one tensor. */
function flash(device: Device, p: Attention, inputs: Inputs): Setup {
  const { batch, length, heads, kvHeads, headDim } = p;
  const n = batch * length;
  const widths = { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
  const stride = widths.q + widths.k + widths.v;
  const qkv = new Float32Array(n * stride);
  const ranges = new Uint32Array(4 * n);
  for (let row = 0; row < n; row++) {
    const first = row - (row % length);
    ranges.set([first, first, first, row + 1], 4 * row);
    let at = row * stride;
    for (const [name, width] of Object.entries(widths)) {
      qkv.set((inputs[name] as Float32Array).subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  }
  const packed = device.upload(qkv, [n, stride], 'f32', 'qkv');
  const tensors = {
    qkv: packed,
    ranges: device.upload(ranges, [n, 4], 'u32', 'ranges'),
    out: device.arena.alloc([n, widths.q], 'f32', 'out'),
    lse: device.arena.alloc([n, heads], 'f32', 'lse'),
  };
  const layout = {
    n,
    heads,
    kvHeads,
    headDim,
    scale: 1 / Math.sqrt(headDim),
    qStride: stride,
    kvStride: stride,
    kOffset: widths.q,
    vOffset: widths.q + widths.k,
  };
  return {
    tensors,
    record: (rec) => attention(rec, { ...tensors, q: packed, kv: packed }, layout),
    error: async () => errorOf(p, inputs, await device.read(tensors.out)),
  };
}
