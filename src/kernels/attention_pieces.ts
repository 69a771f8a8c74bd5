import piecesSource from '../../shaders/attention_pieces.wgsl?raw';
import type { Constants, Params } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import {
  type AttentionShape,
  bothExchanges,
  byCache,
  launch,
  layoutParams,
  MAX_ROWS,
  MODEL,
  queryBlocks,
  reads,
  writes,
} from './attention_quads.ts';

/** Keys of a piece: rows that have fewer are not shared out. */
export const PIECE_KEYS = 256;

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

/**
 * Records the softmaxes of so many pieces into `partials`; returns the constants that tell `attention` of them.
 * @param params those of `attention`
 */
export function softmaxesOfPieces(
  rec: Recorder,
  t: { q: Tensor; kv: Tensor; ranges: Tensor; partials: Tensor },
  params: Params,
  o: AttentionShape,
  count: number,
): Constants {
  const PARTIAL_VECS = o.headDim / 4 + 1;
  const { constants, quads } = queryBlocks(rec.device, o, 2, MAX_ROWS);
  const kernels = pieces[t.kv.dtype === 'f16' ? 'f16' : 'f32'];
  launch(rec, kernels, t, { ...params, pieces: count }, { ...constants, PARTIAL_VECS }, count * quads);
  return { PIECE: PIECE_KEYS, PARTIAL_VECS };
}

/** Floats of the softmaxes of so many pieces. */
export function partialFloats(o: AttentionShape, pieces: number): number {
  return pieces * o.n * o.heads * (o.headDim + 4);
}

/** Pieces that a row's ranges of so many keys have. */
export function piecesOf(prefix: number, own: number): number {
  return Math.floor(prefix / PIECE_KEYS) + Math.floor(own / PIECE_KEYS);
}
