import source from '../../shaders/attention_map.wgsl?raw';
import { defineKernel, laneGrid } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type AttentionShape, MODEL, modelConstants } from './attention_quads.ts';

const WG = 64;

const kernel = defineKernel({
  name: 'attention_map',
  source,
  entry: 'attention_map',
  bindings: {
    q: 'read array<vec4f>',
    kv: 'read array<vec4f>',
    ranges: 'read array<vec4u>',
    lse: 'read array<f32>',
    out: 'read_write array<vec4f>',
  },
  params: {
    count: 'u32',
    first: 'u32',
    rows: 'u32',
    keys: 'u32',
    stride4: 'u32',
    q_stride: 'u32',
    kv_stride: 'u32',
    k_offset: 'u32',
    scale: 'f32',
  },
  constants: { ...MODEL, WG },
  workgroup: WG,
  costs: 'at most',
  cost: ({ count, rows, keys }, { HEADS, HEAD_DIM }) => ({
    flops: rows * keys * HEADS * HEAD_DIM,
    bytes: 16 * count + 4 * (rows + keys) * HEADS * HEAD_DIM,
  }),
});

/** What attention took and gave, as `attention` has it. */
export interface AttentionTensors {
  readonly q: Tensor;
  readonly kv: Tensor;
  readonly ranges: Tensor;
  readonly lse: Tensor;
}

/** Where attention found its heads; `AttentionLayout` without what decoding adds. */
interface MapLayout extends AttentionShape {
  readonly qStride: number;
  readonly kvStride: number;
  readonly kOffset: number;
}

/** Floats of one row of the map: its keys, rounded up to a whole vec4. */
export function mapStride(keys: number): number {
  return Math.ceil(keys / 4) * 4;
}

/**
 * The attention probabilities that `attention` never writes down: out [H, rows, `mapStride(keys)`] f32, of the query rows `first`
 * to `first + rows`, each over the rows 0 to `keys` of kv; 0 for a key outside of the row's ranges, and behind the last.
 * q, kv, ranges and lse [N, H] are what one call of `attention` took and gave, kv in f32.
 *
 * @throws Error for a cache in f16, UserError on head sizes that attention does not take either
 */
export function attentionMap(
  rec: Recorder,
  t: AttentionTensors & { readonly out: Tensor },
  o: MapLayout & { readonly first: number; readonly rows: number; readonly keys: number },
): void {
  if (t.kv.dtype === 'f16') throw new Error('attention_map: keys are read in f32');
  const stride4 = mapStride(o.keys) / 4;
  const count = o.heads * o.rows * stride4;
  const params = {
    count,
    first: o.first,
    rows: o.rows,
    keys: o.keys,
    stride4,
    q_stride: o.qStride / 4,
    kv_stride: o.kvStride / 4,
    k_offset: o.kOffset / 4,
    scale: o.scale,
  };
  rec.dispatch(kernel, { ...t }, params, laneGrid(count, WG), modelConstants(o));
}
