import { Tape } from '../autograd/tape.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { headFinish, headPick, headUpdate } from '../kernels/head.ts';
import { softmaxKl } from '../kernels/softmax_kl.ts';
import { topK } from '../kernels/top_k.ts';
import type { Model } from '../model/model.ts';
import { uploadSequence } from '../model/packing.ts';
import type { Steering } from '../model/steering.ts';
import { finalNorm, logits } from '../model/transformer.ts';
import { checkIds } from './dump.ts';
import { residualStates } from './residual_stream.ts';

/** What the residual stream says of the next token, cell by cell: `rows` × T cells, row-major, of `k` tokens each. */
export interface StreamReading {
  /** Likeliest tokens first, [rows, T, k]. */
  readonly ids: Uint32Array;
  /** Their log-probabilities, [rows, T, k]. */
  readonly logp: Float32Array;
  /** Theirs in the other reading of the same cell; absent where there is none. */
  readonly otherLogp?: Float32Array;
  /** Entropy of the whole distribution in nats, [rows, T]. */
  readonly entropy: Float32Array;
}

/** The logit lens of a prompt (nostalgebraist 2020): each layer's residual stream through the final norm and the unembedding. */
export interface PromptLens {
  /** L + 1: the embedding, then `resid_post` of every layer; the last row is the model's own output. */
  readonly rows: number;
  readonly tokens: number;
  readonly k: number;
  readonly base: StreamReading;
  /** With the vectors added. */
  readonly steered?: StreamReading;
  /** `KL(steered ‖ base)` of each cell in nats, [rows, T]. */
  readonly kl?: Float32Array;
}

export interface PromptLensOptions {
  /** Tokens of a cell, at most the vocabulary. Default 10. */
  readonly k?: number;
  /** With vectors the prompt is read twice, without and with them. */
  readonly steering?: Steering | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After every part, with the share of the cells that are done. */
  readonly onProgress?: (share: number) => void;
}

/** Bytes of logits of one reading at once. */
const SCORE_BYTES = 16 * 2 ** 20;

/**
 * The logit lens of a prompt of T tokens. Of the logits no more than 16 MiB (twice that with vectors) exist at once, and none of
 * them is read back: the likeliest tokens, their probabilities and the divergence are found where the logits are. The residual
 * streams take 4 (L + 1) T C bytes, twice that with vectors.
 *
 * @throws UserError for ids that are no sequence of this model; the signal's reason where it is aborted
 */
export async function promptLens(
  model: Model,
  ids: readonly number[],
  { k: wanted = 10, steering, signal, onProgress }: PromptLensOptions = {},
): Promise<PromptLens> {
  const { device, config } = model;
  const { vocab_size: vocab } = config;
  checkIds(ids, vocab, model.maxPositions);
  const t = ids.length;
  const rows = config.num_hidden_layers + 1;
  const k = Math.min(wanted, vocab);
  const atOnce = Math.max(
    1,
    Math.min(t, Math.floor(Math.min(SCORE_BYTES, device.arena.largestTensor) / (16 * Math.ceil(vocab / 4)))),
  );
  const sides = steering ? [undefined, steering] : [undefined];
  const read = sides.map(() => ({
    ids: new Uint32Array(rows * t * k),
    logp: new Float32Array(rows * t * k),
    otherLogp: new Float32Array(steering ? rows * t * k : 0),
    entropy: new Float32Array(rows * t),
  }));
  const kl = new Float32Array(steering ? rows * t : 0);

  await device.arena.guard(async () => {
    const tables = uploadSequence(device, ids);
    const streams = sides.map((side) => residualStates(model, tables, side));
    for (let row = 0; row < rows; row++) {
      for (let first = 0; first < t; first += atOnce) {
        signal?.throwIfAborted();
        const m = Math.min(atOnce, t - first);
        const part = await readCells(
          model,
          streams.map((stream) => stream[row] as Tensor),
          first,
          m,
          k,
        );
        const at = row * t + first;
        part.cells.forEach((cells, side) => {
          const into = read[side] as (typeof read)[number];
          into.ids.set(cells.ids, at * k);
          into.logp.set(cells.logp, at * k);
          into.entropy.set(cells.entropy, at);
          if (cells.otherLogp) into.otherLogp.set(cells.otherLogp, at * k);
        });
        if (part.kl) kl.set(part.kl, at);
        onProgress?.((at + m) / (rows * t));
      }
    }
    for (const tensor of streams.flat()) device.arena.free(tensor);
    tables.free();
  });

  const [base, steered] = read.map(({ otherLogp, ...cells }) => ({ ...cells, ...(steering && { otherLogp }) }));
  return {
    rows,
    tokens: t,
    k,
    base: base as StreamReading,
    ...(steering && { steered: steered as StreamReading, kl }),
  };
}

interface Cells {
  readonly ids: Uint32Array; // [M, K]
  readonly logp: Float32Array; // [M, K]
  readonly otherLogp?: Float32Array; // [M, K]
  readonly entropy: Float32Array; // [M]
}

/** The cells of `m` tokens from `first` on, of one residual stream [T, C] or of two that are compared. */
async function readCells(
  model: Model,
  streams: readonly Tensor[],
  first: number,
  m: number,
  k: number,
): Promise<{ readonly cells: readonly Cells[]; readonly kl?: Float32Array }> {
  const { device } = model;
  const v = model.config.vocab_size;
  const made: Tensor[] = [];
  const keep = (tensor: Tensor) => {
    made.push(tensor);
    return tensor;
  };
  const make = (shape: readonly number[], label: string, dtype: 'f32' | 'u32' = 'f32') =>
    keep(device.arena.alloc(shape, dtype, label));
  const up = (n: number, of: (i: number) => number, label: string) =>
    keep(
      device.upload(
        Uint32Array.from({ length: n }, (_, i) => of(i)),
        [n],
        'u32',
        label,
      ),
    );
  const positions = up(m, (i) => first + i, 'positions');
  const pairRows = up(m * k, (i) => Math.floor(i / k), 'rows of the tokens');
  const tape = new Tape(device);
  const { rec } = tape;

  const sides = streams.map((stream) => {
    const hidden = finalNorm(tape, model, tape.borrow(stream), positions, m);
    const scores = logits(tape, model, hidden);
    tape.release(hidden);
    const stride = scores.tensor.shape[1] as number;
    const stats = make([m, 4], 'softmax of the logits');
    const rescale = make([m], 'rescale');
    const update = { rows: m, vt: v, stride, first: true, keepProbabilities: false };
    headUpdate(rec, { logits: scores.tensor, stats, rescale }, update);
    const ids = make([m, k], 'likeliest tokens', 'u32');
    topK(rec, { logits: scores.tensor, ids }, { rows: m, v, stride, k });
    return { scores, stride, stats, ids };
  });
  /** Log-probabilities of tokens [M, K] in a side's distributions, and the entropy of these. */
  const pick = ({ scores, stride, stats }: (typeof sides)[number], targets: Tensor) => {
    const picked = make([m * k], 'picked logits');
    headPick(rec, { logits: scores.tensor, rows: pairRows, targets, picked }, { pairs: m * k, v0: 0, vt: v, stride });
    const [logp, entropy] = [make([m * k], 'logp'), make([m], 'entropy')];
    headFinish(rec, { stats, rows: pairRows, picked, logp, entropy }, { pairs: m * k, rows: m });
    return { logp, entropy };
  };
  const wanted = sides.map((side, i) => {
    const other = sides[1 - i];
    return { ids: side.ids, ...pick(side, side.ids), ...(other && { otherLogp: pick(other, side.ids).logp }) };
  });
  const [base, steered] = sides;
  const kl = base && steered ? make([m], 'kl') : undefined;
  if (base && steered && kl) {
    const { scores: other, stats: otherStats } = base;
    const { scores, stats, stride } = steered;
    softmaxKl(rec, { logits: scores.tensor, stats, other: other.tensor, otherStats, kl }, { rows: m, v, stride });
  }

  const named = [...wanted.flatMap((tensors) => Object.values(tensors)), ...(kl ? [kl] : [])];
  const bytes = new Map((await device.readBytes(named)).map((read, i) => [named[i] as Tensor, read.buffer]));
  const floats = (tensor: Tensor) => new Float32Array(bytes.get(tensor) as ArrayBuffer);
  const cells = wanted.map(({ ids, logp, entropy, otherLogp }) => ({
    ids: new Uint32Array(bytes.get(ids) as ArrayBuffer),
    logp: floats(logp),
    entropy: floats(entropy),
    ...(otherLogp && { otherLogp: floats(otherLogp) }),
  }));
  const divergence = kl && floats(kl);
  for (const { scores } of sides) tape.release(scores);
  for (const tensor of made) device.arena.free(tensor);
  return { cells, ...(divergence && { kl: divergence }) };
}
