import { type Device, subgroupIsQuad } from '../gpu/device.ts';
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
export const MAX_ROWS = 4;
/** Floats that a lane should keep at most: registers of a GPU; on a processor more only costs compile time. */
const GPU_FLOATS = 128;
const CPU_FLOATS = 512;
/**
 * Heads up to which a kernel has another loop, or a longer one, for the sake of speed. Where a subgroup is a quad, as in SwiftShader,
 * it pays for longer heads too; other compilers would take many seconds for what that unrolls.
 */
const UNROLLED_HEAD_DIM = 32;
const UNROLLED_HEAD_DIM_QUAD = 128;
/** Quads of lanes a workgroup of a GPU has. */
const GPU_QUADS = 8;

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

/** Exchange within a quad by subgroup operations, or, where the adapter has none, through workgroup memory. */
interface Exchanges {
  readonly subgroups: Kernel;
  readonly barriers: Kernel;
}

export function bothExchanges(
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
      constants: { ...constants, QUADS: GPU_QUADS },
      workgroup: 4 * GPU_QUADS,
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

export const MODEL = { HEADS: 4, KV_HEADS: 2, HEAD_DIM: 32 };

/** The work depends on the ranges, which the host does not know here: a row is taken to have `n` / 2 keys. */
export const pairs = (p: Params, c: Constants) =>
  ((p.n as number) ** 2 / 2) * (c.HEADS as number) * (c.HEAD_DIM as number);
export const rowFloats = (c: Constants) =>
  (2 * (c.HEADS as number) + 2 * (c.KV_HEADS as number)) * (c.HEAD_DIM as number);

export const layoutParams = {
  n: 'u32',
  q_stride: 'u32',
  kv_stride: 'u32',
  k_offset: 'u32',
  v_offset: 'u32',
  scale: 'f32',
} as const;

/** Slices of heads, read from buffers of f32 and written to them. */
export const reads = (...each: string[]): Include => ({ use: 'slice_load', each });
export const writes = (...each: string[]): Include => ({ use: 'slice_store', each });

/** By the type of `kv`. */
export function byCache(declare: (kv: string, suffix: string, include: Include) => Exchanges) {
  return {
    f32: declare('read array<vec4f>', '', reads('kv')),
    f16: declare('read array<vec2u>', '_f16', 'kv_f16'),
  };
}

/** Rows, at the most so many, and heads that share what a quad loads, when each (row, head) keeps `slices` quarter heads. */
export function queryBlocks(
  device: Device,
  o: AttentionShape,
  slices: number,
  most: number,
): { constants: Constants & { readonly ROWS: number; readonly TILE: number }; quads: number } {
  const constants = modelConstants(o);
  const group = o.heads / o.kvHeads;
  const slots = Math.min(MAX_SLOTS, slotsThatFit(device, slices, o.headDim));
  const blocks = Math.ceil(group / slots);
  const tile = Math.ceil(group / blocks);
  const rows = Math.min(most, Math.floor(slots / tile));
  return { constants: { ...constants, ROWS: rows, TILE: tile }, quads: Math.ceil(o.n / rows) * o.kvHeads * blocks };
}

/** Rows from which on quads of twice as many save more loads of what they share than they compute rows that are not there. */
const MANY_ROWS = 13;

/** `queryBlocks` for rows that are apart: of many a quad takes twice as many as otherwise. */
export function apartBlocks(device: Device, o: AttentionShape): ReturnType<typeof queryBlocks> {
  const once = queryBlocks(device, o, 2, MAX_ROWS);
  const { ROWS, TILE } = once.constants;
  const doubled = o.n >= MANY_ROWS && ROWS > 1 && 2 * ROWS * TILE <= slotsThatFit(device, 2, o.headDim);
  if (!doubled) return once;
  return {
    constants: { ...once.constants, ROWS: 2 * ROWS },
    quads: (once.quads / Math.ceil(o.n / ROWS)) * Math.ceil(o.n / (2 * ROWS)),
  };
}

export function slotsThatFit(device: Device, slices: number, headDim: number): number {
  const floats = device.caps.isSoftware ? CPU_FLOATS : GPU_FLOATS;
  return Math.max(1, Math.floor(floats / (slices * Math.max(headDim / 4, 4))));
}

/** Whether heads are short enough for a kernel that unrolls more. */
export function unrolls({ caps }: Device, headDim: number): boolean {
  const quad = caps.subgroups && subgroupIsQuad(caps);
  return headDim <= (quad ? UNROLLED_HEAD_DIM_QUAD : UNROLLED_HEAD_DIM);
}

export function modelConstants(o: AttentionShape): Constants {
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

export function launch(
  rec: Recorder,
  kernels: Exchanges,
  tensors: Readonly<Record<string, Tensor>>,
  params: Params,
  constants: Constants,
  quads: number,
): void {
  const { caps } = rec.device;
  // A processor runs a subgroup at a time, and each of its cores a workgroup.
  const QUADS = caps.isSoftware ? Math.max(1, caps.subgroupMaxSize / 4) : GPU_QUADS;
  if (caps.subgroups)
    rec.dispatch(kernels.subgroups, tensors, params, foldGrid(Math.ceil(quads / QUADS)), { ...constants, QUADS });
  else rec.dispatch(kernels.barriers, tensors, params, foldGrid(quads), constants);
}
