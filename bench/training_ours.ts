import type { Device } from '../src/gpu/device.ts';
import { adamw } from '../src/kernels/adamw.ts';
import { headFinish, headPick, headUpdate } from '../src/kernels/head.ts';
import type { Setup } from './ours.ts';
import { errorOf } from './problems.ts';
import { ADAMW, type AdamW, type CrossEntropy, type TrainingProblem } from './training_problems.ts';

type Inputs = Record<string, Float32Array>;

export function trainingSetUp(device: Device, p: TrainingProblem, inputs: Inputs): Setup {
  return p.name === 'adamw' ? optimizer(device, p, inputs) : pickedLogProbability(device, p, inputs);
}

/** In place: what is timed goes on from the update before. */
function optimizer(device: Device, p: AdamW, inputs: Inputs): Setup {
  const upload = (name: string) => device.upload(inputs[name] as Float32Array, [p.rows, p.columns], 'f32', name);
  const tensors = {
    param: upload('param'),
    grad: upload('grad'),
    m: upload('m'),
    v: upload('v'),
    norm: device.upload(Float32Array.of(1), [1], 'f32', 'norm'),
  };
  return {
    tensors,
    note: 'in place',
    record: (rec) => adamw(rec, tensors, ADAMW),
    error: async () => errorOf(p, inputs, await device.read(tensors.param)),
  };
}

/** The head's kernels on logits that are there; within a pass they follow the product, tile by tile. */
function pickedLogProbability(device: Device, p: CrossEntropy, inputs: Inputs): Setup {
  const { rows, columns } = p;
  const stride = Math.ceil(columns / 4) * 4;
  const x = inputs.x as Float32Array;
  const padded = new Float32Array(rows * stride);
  for (let r = 0; r < rows; r++) padded.set(x.subarray(r * columns, (r + 1) * columns), r * stride);
  const indices = (values: Uint32Array, label: string) => device.upload(values, [rows], 'u32', label);
  const alloc = (shape: number[], label: string) => device.arena.alloc(shape, 'f32', label);
  const tensors = {
    logits: device.upload(padded, [rows, stride], 'f32', 'logits'),
    rows: indices(
      Uint32Array.from({ length: rows }, (_, i) => i),
      'rows',
    ),
    targets: indices(Uint32Array.from(inputs.targets as Float32Array), 'targets'),
    picked: alloc([rows], 'picked'),
    stats: alloc([rows, 4], 'stats'),
    rescale: alloc([rows], 'rescale'),
    logp: alloc([rows], 'logp'),
    entropy: alloc([rows], 'entropy'),
  };
  return {
    tensors,
    note: 'log-probability and entropy',
    record(rec) {
      headPick(rec, tensors, { pairs: rows, v0: 0, vt: columns, stride });
      headUpdate(rec, tensors, { rows, vt: columns, stride, first: true, keepProbabilities: false });
      headFinish(rec, tensors, { pairs: rows, rows });
    },
    error: async () => errorOf(p, inputs, await device.read(tensors.logp)),
  };
}
