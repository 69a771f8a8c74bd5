import forwardSource from '../../shaders/attention.wgsl?raw';
import backwardKvSource from '../../shaders/attention_backward_kv.wgsl?raw';
import backwardQSource from '../../shaders/attention_backward_q.wgsl?raw';
import piecesSource from '../../shaders/attention_pieces.wgsl?raw';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import {
  type Constants,
  defineKernel,
  foldGrid,
  type Include,
  type Kernel,
  type KernelDeclaration,
  type Params,
} from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';

/** Slots (row, head) that the shaders have named variables for, and rows that `ranges` are compared across. */
const MAX_SLOTS = 8;
const MAX_ROWS = 4;
/** Queries that dk and dv take in at a time where heads are at most STEP_HEAD_DIM long, and else one. */
const STEP = 4;
const STEP_HEAD_DIM = 32;
/** Keys of a quad. Beside the queries of a step, more of them cost more to compile than they save. */
const MAX_KEYS = 8;
const MAX_KEYS_STEPPED = 6;
/** Floats that a lane should keep at most: registers of a GPU; on a processor more only costs compile time. */
const GPU_FLOATS = 128;
const CPU_FLOATS = 512;
/** Keys of a piece: rows that have fewer are not shared out. */
export const PIECE_KEYS = 256;
/** Quads of lanes a workgroup. */
const QUADS = 8;

export interface AttentionShape {
  /** Query rows. */
  readonly n: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** A multiple of 4, at most 256. */
  readonly headDim: number;
  /** What scores are multiplied by: 1 / sqrt(headDim). */
  readonly scale: number;
}

export interface AttentionLayout extends AttentionShape {
  /**
   * Neighbouring rows are of different sequences, as in decoding: what a quad loads of a row's own keys would serve no
   * other row. Changes no bit.
   */
  readonly apart?: boolean;
  /**
   * The most pieces that a row has (`piecesOf`), for rows that are apart: long ranges are shared out in pieces of `PIECE_KEYS`
   * keys. More than a row has change none of its bits.
   */
  readonly pieces?: number;
  /** Floats from one row to the next, and where in a row of `kv` the keys and the values start; multiples of 4. */
  readonly qStride: number;
  readonly kvStride: number;
  readonly kOffset: number;
  readonly vOffset: number;
}

/** Exchange within a quad by subgroup operations, or, where the adapter has none, through workgroup memory. */
interface Exchanges {
  readonly subgroups: Kernel;
  readonly barriers: Kernel;
}

function bothExchanges(
  declaration: Omit<KernelDeclaration, 'entry' | 'workgroup'>,
  entry = declaration.name,
): Exchanges {
  const { name, include = [], constants } = declaration;
  return {
    subgroups: defineKernel({
      ...declaration,
      entry,
      include: ['quad_subgroups', ...include],
      features: ['subgroups'],
      constants: { ...constants, QUADS },
      workgroup: 4 * QUADS,
    }),
    barriers: defineKernel({
      ...declaration,
      name: `${name}_barriers`,
      entry,
      include: ['quad_barriers', ...include],
      constants: { ...constants, QUADS: 1 },
      workgroup: 4,
    }),
  };
}

const MODEL = { HEADS: 4, KV_HEADS: 2, HEAD_DIM: 32 };

/** The work depends on the ranges, which the host does not know here: a row is taken to have `n` / 2 keys. */
const pairs = (p: Params, c: Constants) => ((p.n as number) ** 2 / 2) * (c.HEADS as number) * (c.HEAD_DIM as number);
const rowFloats = (c: Constants) => (2 * (c.HEADS as number) + 2 * (c.KV_HEADS as number)) * (c.HEAD_DIM as number);

const layoutParams = {
  n: 'u32',
  q_stride: 'u32',
  kv_stride: 'u32',
  k_offset: 'u32',
  v_offset: 'u32',
  scale: 'f32',
} as const;

/** Slices of heads, read from buffers of f32 and written to them. */
const reads = (...each: string[]): Include => ({ use: 'slice_load', each });
const writes = (...each: string[]): Include => ({ use: 'slice_store', each });

/** By the type of `kv`. */
function byCache(declare: (kv: string, suffix: string, include: Include) => Exchanges) {
  return {
    f32: declare('read array<vec4f>', '', reads('kv')),
    f16: declare('read array<vec2u>', '_f16', 'kv_f16'),
  };
}

const forward = byCache((kv, suffix, include) =>
  bothExchanges(
    {
      name: `attention${suffix}`,
      source: forwardSource,
      include: ['slice', include, reads('q', 'partials'), writes('out'), 'query_block', 'attention_slots'],
      bindings: {
        q: 'read array<vec4f>',
        kv,
        ranges: 'read array<vec4u>',
        partials: 'read array<vec4f>',
        out: 'read_write array<vec4f>',
        lse: 'read_write array<f32>',
      },
      params: layoutParams,
      constants: { ...MODEL, ROWS: 4, TILE: 2, PIECE: 0, PARTIAL_VECS: 9 },
      costs: 'at most',
      cost: (p, c) => ({ flops: 4 * pairs(p, c), bytes: 4 * (p.n as number) * rowFloats(c) }),
    },
    'attention',
  ),
);

const pieces = byCache((kv, suffix, include) =>
  bothExchanges(
    {
      name: `attention_pieces${suffix}`,
      source: piecesSource,
      include: ['slice', include, reads('q'), writes('partials'), 'query_block', 'attention_slots'],
      bindings: { q: 'read array<vec4f>', kv, ranges: 'read array<vec4u>', partials: 'read_write array<vec4f>' },
      params: { ...layoutParams, pieces: 'u32' },
      constants: { ...MODEL, ROWS: 4, TILE: 2, PIECE: PIECE_KEYS, PARTIAL_VECS: 9 },
      costs: 'at most',
      // Its pairs of rows and keys are among those that attention's own declaration counts.
      cost: (p, c) => ({
        flops: 0,
        bytes: 4 * (p.n as number) * (p.pieces as number) * (c.HEADS as number) * (c.HEAD_DIM as number),
      }),
    },
    'attention_pieces',
  ),
);

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
 * Causal grouped-query attention over two key ranges a row. Query row i, head h is at `q[i * qStride + h * headDim]`; it
 * attends the rows `ranges[i]` = [prefix_start, prefix_end) and [own_start, own_end) of `kv`, whose row j has key head g
 * at `kv[j * kvStride + kOffset + g * headDim]` and value head g at `vOffset`. The own range must not be empty, and all
 * rows named by `ranges` must have been written.
 *
 * q [N, qStride] f32, kv [rows, kvStride] f32 (may be the same tensor) or f16, partials [`partialFloats`] f32 (scratch), ranges [N, 4] u32, out [N, H*D] f32,
 * lse [N, H] f32 = log Σ exp(scale * q·k). A row's bits depend on its own q and keys only, so one row decoded from a
 * cache and the same row in a packed batch agree exactly. Throws `UserError` on head sizes that the shader cannot take.
 */
export function attention(
  rec: Recorder,
  t: { q: Tensor; kv: Tensor; ranges: Tensor; out: Tensor; lse: Tensor; partials?: Tensor },
  o: AttentionLayout,
): void {
  const { pieces: count = 0 } = o;
  const type = t.kv.dtype === 'f16' ? 'f16' : 'f32';
  const params = {
    n: o.n,
    q_stride: o.qStride / 4,
    kv_stride: o.kvStride / 4,
    k_offset: o.kOffset / 4,
    v_offset: o.vOffset / 4,
    scale: o.scale,
  };
  const PARTIAL_VECS = o.headDim / 4 + 1;
  const { partials } = t;
  if (count > 0) {
    if (!partials || !o.apart)
      throw new Error('attention: pieces take rows that are apart, and room for their softmaxes');
    const shared = queryBlocks(rec.device, o, 2, MAX_ROWS);
    launch(
      rec,
      pieces[type],
      { ...t, partials },
      { ...params, pieces: count },
      { ...shared.constants, PARTIAL_VECS },
      count * shared.quads,
    );
  }
  const { constants, quads } = queryBlocks(rec.device, o, 2, o.apart ? 1 : MAX_ROWS);
  const split: Constants = count > 0 ? { PIECE: PIECE_KEYS, PARTIAL_VECS } : {};
  launch(rec, forward[type], { ...t, partials: partials ?? t.q }, params, { ...constants, ...split }, quads);
}

/** Floats of the softmaxes of so many pieces. */
export function partialFloats(o: AttentionShape, pieces: number): number {
  return pieces * o.n * o.heads * (o.headDim + 4);
}

/** Pieces that a row's ranges of so many keys have. */
export function piecesOf(prefix: number, own: number): number {
  return Math.floor(prefix / PIECE_KEYS) + Math.floor(own / PIECE_KEYS);
}

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
  const stepped = o.headDim <= STEP_HEAD_DIM;
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

/** Rows, at the most so many, and heads that share what a quad loads, when each (row, head) keeps `slices` quarter heads. */
function queryBlocks(
  device: Device,
  o: AttentionShape,
  slices: number,
  most: number,
): { constants: Constants; quads: number } {
  const constants = modelConstants(o);
  const group = o.heads / o.kvHeads;
  const slots = Math.min(MAX_SLOTS, slotsThatFit(device, slices, o.headDim));
  const blocks = Math.ceil(group / slots);
  const tile = Math.ceil(group / blocks);
  const rows = Math.min(most, Math.floor(slots / tile));
  return { constants: { ...constants, ROWS: rows, TILE: tile }, quads: Math.ceil(o.n / rows) * o.kvHeads * blocks };
}

function slotsThatFit(device: Device, slices: number, headDim: number): number {
  const floats = device.caps.isSoftware ? CPU_FLOATS : GPU_FLOATS;
  return Math.max(1, Math.floor(floats / (slices * Math.max(headDim / 4, 4))));
}

function modelConstants(o: AttentionShape): Constants {
  if (o.headDim % 4 !== 0 || o.headDim < 4 || o.headDim > 256) {
    throw new UserError(
      `head_dim is ${o.headDim}: attention takes multiples of 4 up to 256. Use a model with such a head_dim.`,
    );
  }
  if (o.heads % o.kvHeads !== 0) {
    throw new UserError(
      `num_attention_heads is ${o.heads} and num_key_value_heads ${o.kvHeads}: the first must be a multiple of the second. Correct config.json.`,
    );
  }
  return { HEADS: o.heads, KV_HEADS: o.kvHeads, HEAD_DIM: o.headDim };
}

function launch(
  rec: Recorder,
  kernels: Exchanges,
  tensors: Readonly<Record<string, Tensor>>,
  params: Params,
  constants: Constants,
  quads: number,
): void {
  if (rec.device.caps.subgroups)
    rec.dispatch(kernels.subgroups, tensors, params, foldGrid(Math.ceil(quads / QUADS)), constants);
  else rec.dispatch(kernels.barriers, tensors, params, foldGrid(quads), constants);
}
