import forwardSource from '../../shaders/attention.wgsl?raw';
import apartSource from '../../shaders/attention_apart.wgsl?raw';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { softmaxesOfPieces } from './attention_pieces.ts';
import {
  type AttentionShape,
  apartBlocks,
  bothExchanges,
  byCache,
  launch,
  layoutParams,
  MAX_ROWS,
  MODEL,
  pairs,
  queryBlocks,
  reads,
  rowFloats,
  unrolls,
  writes,
} from './attention_quads.ts';

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

const forward = byCache((kv, suffix, include) =>
  bothExchanges(
    {
      name: `attention${suffix}`,
      source: forwardSource,
      include: [
        'slice',
        include,
        reads('q', 'partials'),
        writes('out'),
        'query_block',
        'attention_slots',
        'attention_finish',
      ],
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

/** The same for rows that are apart, where a load is dear: on a processor. */
const apartForward = byCache((kv, suffix, include) =>
  bothExchanges(
    {
      name: `attention_apart${suffix}`,
      source: apartSource,
      include: [
        'slice',
        include,
        reads('q'),
        writes('out'),
        'query_block',
        'attention_slots',
        'attention_fours',
        'attention_finish',
      ],
      bindings: {
        q: 'read array<vec4f>',
        kv,
        ranges: 'read array<vec4u>',
        out: 'read_write array<vec4f>',
        lse: 'read_write array<f32>',
      },
      params: layoutParams,
      constants: { ...MODEL, ROWS: 4, TILE: 2 },
      costs: 'at most',
      cost: (p, c) => ({ flops: 4 * pairs(p, c), bytes: 4 * (p.n as number) * rowFloats(c) }),
    },
    'attention_apart',
  ),
);

/**
 * Causal grouped-query attention over two key ranges a row. Query row i, head h is at `q[i * qStride + h * headDim]`; it
 * attends the rows `ranges[i]` = [prefix_start, prefix_end) and [own_start, own_end) of `kv`, whose row j has key head g
 * at `kv[j * kvStride + kOffset + g * headDim]` and value head g at `vOffset`. The own range must not be empty, and all
 * rows named by `ranges` must have been written.
 *
 * q [N, qStride] f32, kv [rows, kvStride] f32 (may be the same tensor) or f16, partials [`partialFloats`] f32 (scratch), ranges [N, 4] u32, out [N, H*D] f32,
 * lse [N, H] f32 = log Σ exp(scale * q·k). A row's bits depend on its own q and keys and on whether there are
 * pieces: one row decoded from a cache and the same row in a packed batch agree exactly while neither of its ranges has `PIECE_KEYS`
 * keys, and up to rounding beyond, where decoding folds the softmaxes of pieces. Throws `UserError` on head sizes that the shader cannot take.
 */
export function attention(
  rec: Recorder,
  t: { q: Tensor; kv: Tensor; ranges: Tensor; out: Tensor; lse: Tensor; partials?: Tensor },
  o: AttentionLayout,
): void {
  const { pieces = 0, apart = false } = o;
  const type = t.kv.dtype === 'f16' ? 'f16' : 'f32';
  const params = {
    n: o.n,
    q_stride: o.qStride / 4,
    kv_stride: o.kvStride / 4,
    k_offset: o.kOffset / 4,
    v_offset: o.vOffset / 4,
    scale: o.scale,
  };
  if (apart && pieces === 0 && rec.device.caps.isSoftware && unrolls(rec.device, o.headDim)) {
    const { constants, quads } = apartBlocks(rec.device, o);
    if (constants.ROWS > 1) {
      launch(rec, apartForward[type], t, params, constants, quads);
      return;
    }
  }
  const { constants, quads } = queryBlocks(rec.device, o, 2, apart ? 1 : MAX_ROWS);
  const { partials } = t;
  if (pieces > 0 && !(apart && partials))
    throw new Error('attention: pieces take rows that are apart, and room for their softmaxes');
  const split = pieces > 0 && partials ? softmaxesOfPieces(rec, { ...t, partials }, params, o, pieces) : {};
  launch(rec, forward[type], { ...t, partials: partials ?? t.q }, params, { ...constants, ...split }, quads);
}
