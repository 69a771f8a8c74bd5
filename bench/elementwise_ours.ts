import type { Device } from '../src/gpu/device.ts';
import { embedding } from '../src/kernels/embedding.ts';
import { rope } from '../src/kernels/rope.ts';
import { swiglu } from '../src/kernels/swiglu.ts';
import { packWeight } from '../test/cases/weights.ts';
import type { Elementwise, Embedding, Rope, SwiGlu } from './elementwise_problems.ts';
import type { Setup } from './ours.ts';
import { errorOf } from './problems.ts';

type Inputs = Record<string, Float32Array>;

export function elementwiseSetUp(device: Device, p: Elementwise, inputs: Inputs): Setup {
  switch (p.name) {
    case 'embedding':
      return gather(device, p, inputs);
    case 'swiglu':
      return activation(device, p, inputs);
    case 'rope':
      return rotation(device, p, inputs);
  }
}

function gather(device: Device, p: Embedding, inputs: Inputs): Setup {
  const { rows, columns, vocab } = p;
  const packed = packWeight({ data: inputs.table as Float32Array, shape: [vocab, columns] });
  const blocks = device.upload(packed, [packed.byteLength / 4], 'f32', 'table');
  const tensors = {
    ids: device.upload(Uint32Array.from(inputs.ids as Float32Array), [rows], 'u32', 'ids'),
    weight: { ...blocks, shape: [vocab, columns] },
    out: device.arena.alloc([rows, columns], 'f32', 'out'),
  };
  return {
    tensors,
    record: (rec) => embedding(rec, tensors, { n: rows, c: columns, rows: vocab }),
    error: async () => errorOf(p, inputs, await device.read(tensors.out)),
  };
}

function activation(device: Device, p: SwiGlu, inputs: Inputs): Setup {
  const { rows, columns } = p;
  const gateUp = new Float32Array(2 * rows * columns); // a row's gates, then its ups
  for (let r = 0; r < rows; r++) {
    const row = (name: string) => (inputs[name] as Float32Array).subarray(r * columns, (r + 1) * columns);
    gateUp.set(row('gate'), 2 * r * columns);
    gateUp.set(row('up'), (2 * r + 1) * columns);
  }
  const tensors = {
    gateUp: device.upload(gateUp, [rows, 2 * columns], 'f32', 'gate_up'),
    out: device.arena.alloc([rows, columns], 'f32', 'out'),
  };
  return {
    tensors,
    record: (rec) => swiglu(rec, tensors, { n: rows, f: columns }),
    error: async () => errorOf(p, inputs, await device.read(tensors.out)),
  };
}

/** In place on the heads of q and k; the row of the model has those of v besides, which stay. */
function rotation(device: Device, p: Rope, inputs: Inputs): Setup {
  const { rows, heads, headDim } = p;
  const half = headDim / 2;
  const table = Float32Array.from({ length: rows * headDim }, (_, i) => inputs[i % 2 ? 'sin' : 'cos']?.[i >> 1] ?? 0);
  const kvHeads = 1;
  const stride = (heads + kvHeads) * headDim;
  const qkv = new Float32Array(rows * stride);
  const width = heads * headDim;
  for (let r = 0; r < rows; r++) {
    qkv.set((inputs.x as Float32Array).subarray(r * width, (r + 1) * width), r * stride);
  }
  const tensors = {
    qkv: device.upload(qkv, [rows, stride], 'f32', 'qkv'),
    positions: device.upload(
      Uint32Array.from({ length: rows }, (_, i) => i),
      [rows],
      'u32',
      'positions',
    ),
    table: device.upload(table, [rows, half, 2], 'f32', 'table'),
  };
  return {
    tensors,
    note: 'in place',
    record: (rec) => rope(rec, tensors, { n: rows, heads: heads - kvHeads, kvHeads, headDim }),
    async error() {
      const all = await device.read(tensors.qkv);
      const turned = new Float32Array(rows * width);
      for (let r = 0; r < rows; r++) turned.set(all.subarray(r * stride, r * stride + width), r * width);
      return errorOf(p, inputs, turned);
    },
  };
}
