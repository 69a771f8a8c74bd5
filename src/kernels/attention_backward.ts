import backwardKvSource from '../../shaders/attention_backward_kv.wgsl?raw';
import backwardQSource from '../../shaders/attention_backward_q.wgsl?raw';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import {
  type AttentionShape,
  bothExchanges,
  launch,
  MAX_ROWS,
  MODEL,
  modelConstants,
  pairs,
  queryBlocks,
  reads,
  rowFloats,
  slotsThatFit,
  unrolls,
  writes,
} from './attention_quads.ts';

/** Queries that dk and dv take in at a time where heads are short (`unrolls`), and else one. */
const STEP = 4;
/** Keys of a quad. Beside the queries of a step, more of them cost more to compile than they save. */
const MAX_KEYS = 8;
const MAX_KEYS_STEPPED = 6;

const backwardQ = bothExchanges({
  name: 'attention_backward_q',
  source: backwardQSource,
  include: ['slice', reads('qkv', 'kv', 'dout', 'out'), writes('dqkv'), 'query_block'],
  bindings: {
    qkv: 'read array<vec4f>',
    kv: 'read array<vec4f>',
    out: 'read array<vec4f>',
    dout: 'read array<vec4f>',
    lse: 'read array<f32>',
    ranges: 'read array<vec4u>',
    delta: 'read_write array<f32>',
    dqkv: 'read_write array<vec4f>',
  },
  params: { n: 'u32', scale: 'f32', kv_stride: 'u32', k_offset: 'u32' },
  constants: { ...MODEL, ROWS: 4, TILE: 2 },
  costs: 'at most',
  cost: (p, c) => ({ flops: 6 * pairs(p, c), bytes: 8 * (p.n as number) * rowFloats(c) }),
});

const backwardKv = bothExchanges({
  name: 'attention_backward_kv',
  source: backwardKvSource,
  include: ['slice', reads('qkv', 'dout'), writes('dqkv')],
  bindings: {
    qkv: 'read array<vec4f>',
    dout: 'read array<vec4f>',
    lse: 'read array<f32>',
    delta: 'read array<f32>',
    key_queries: 'read array<vec2u>',
    dqkv: 'read_write array<vec4f>',
  },
  params: { n: 'u32', scale: 'f32' },
  constants: { ...MODEL, KEYS: 4, STEP },
  costs: 'at most',
  cost: (p, c) => ({ flops: 8 * pairs(p, c), bytes: 8 * (p.n as number) * rowFloats(c) }),
});

/**
 * The gradient of `attention` on a packed qkv [N, (H + 2*Hkv)*D], where key rows are query rows. `dqkv` is fully written.
 *
 * `keyQueries` [N, 2] u32 is the inverse of `ranges`: exactly the query rows first <= i < end attend key row j. Packed
 * groups [prompt | completion 1 | completion 2 | …] have this form by construction: prompt key j is attended by
 * everything from j to the end of the group, a completion's key j by everything from j to the end of the completion, and where
 * completions share more, by everything below it in the tree. `ranges` are rows of `pathKeys` [M, 2*Hkv*D] where they are given,
 * of qkv where not.
 *
 * out and dout [N, H*D], lse and delta [N, H] (delta is scratch), all f32.
 */
export function attentionBackward(
  rec: Recorder,
  t: {
    qkv: Tensor;
    pathKeys?: Tensor | undefined;
    out: Tensor;
    dout: Tensor;
    lse: Tensor;
    delta: Tensor;
    ranges: Tensor;
    keyQueries: Tensor;
    dqkv: Tensor;
  },
  o: AttentionShape,
): void {
  const { constants, quads } = queryBlocks(rec.device, o, 3, MAX_ROWS);
  const params = { n: o.n, scale: o.scale };
  const { qkv, pathKeys, out, dout, lse, delta, ranges, keyQueries, dqkv } = t;
  const query = (o.heads * o.headDim) / 4;
  const keys = (2 * o.kvHeads * o.headDim) / 4;
  const layout = pathKeys ? { kv_stride: keys, k_offset: 0 } : { kv_stride: query + keys, k_offset: query };
  launch(
    rec,
    backwardQ,
    { qkv, kv: pathKeys ?? qkv, out, dout, lse, ranges, delta, dqkv },
    { ...params, ...layout },
    constants,
    quads,
  );
  const stepped = unrolls(rec.device, o.headDim);
  const KEYS = Math.min(stepped ? MAX_KEYS_STEPPED : MAX_KEYS, slotsThatFit(rec.device, 4, o.headDim));
  launch(
    rec,
    backwardKv,
    { qkv, dout, lse, delta, key_queries: keyQueries, dqkv },
    params,
    { ...modelConstants(o), KEYS, STEP: stepped ? STEP : 1 },
    Math.ceil(o.n / KEYS) * o.kvHeads,
  );
}
