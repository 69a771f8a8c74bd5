import { transfer } from 'comlink';
import { tokenText } from '../../src/eval/lens.ts';
import { type PrincipalAxes, projected } from '../../src/eval/principal_axes.ts';
import { residualStream } from '../../src/eval/residual_stream.ts';
import { UserError } from '../../src/gpu/errors.ts';
import type { LanguageModel } from '../../src/model/language_model.ts';
import type { Session } from './session.ts';
import { type CurrentVectors, withVectors } from './vectors.ts';

export interface PathRequest {
  readonly prompt: string;
  readonly tokens: 'last' | 'all';
  /** `rms`: each state is divided by its root mean square, as every layer does before it reads it. */
  readonly lengths: 'raw' | 'rms';
  /** What the axes are fitted to: base and steered states together, or the differences of the two. */
  readonly fit: 'states' | 'differences';
  /** Times the vectors' own scale. */
  readonly strength: number;
}

/** The residual stream of P tokens through L layers, on three principal axes. Index 0 of L + 1 is the embedding. */
export interface PathResult {
  readonly tokens: readonly { readonly position: number; readonly text: string }[];
  /** Of the prompt; only the last 32 are drawn. */
  readonly promptTokens: number;
  readonly layers: number;
  readonly base: Float32Array; // [P, L + 1, 3]
  readonly steered: PathSteered | undefined;
  /** |resid| without vectors. */
  readonly baseNorms: Float32Array; // [P, L + 1]
  /** Share of the variance (of the squared differences, where axes are fitted to these) on each axis. */
  readonly explained: readonly number[]; // [3]
  /** Corners of all that the axes were fitted to: it stays as it is while the strength changes. */
  readonly bounds: { readonly low: readonly number[]; readonly high: readonly number[] };
}

export interface PathSteered {
  readonly name: string;
  readonly strength: number;
  readonly points: Float32Array; // [P, L + 1, 3]
  /** Where each layer's state would be without its own vector: the vector goes from here to the point. */
  readonly withoutOwn: Float32Array; // [P, L, 3]
  readonly norms: Float32Array; // [P, L + 1]
  /** |steered − base|, unscaled. */
  readonly distances: Float32Array; // [P, L + 1]
  readonly cosines: Float32Array; // [P, L + 1]
}

const MOST_TOKENS = 32;

/** What does not depend on the strength: kept, so that a slider costs one pass. */
interface Prepared {
  readonly key: string;
  readonly lm: LanguageModel;
  readonly vectors: CurrentVectors | undefined;
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  readonly base: readonly Float32Array[]; // L + 1 of [P, C]
  readonly axes: PrincipalAxes;
  readonly bounds: PathResult['bounds'];
}

/** The way of the residual stream through the layers, without and with the session's vectors. */
export class ResidualPath {
  readonly #session: Session;
  #prepared: Prepared | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * The axes are fitted at strength 1 (and to the base), whatever the strength asked for: so they stand still while it changes.
   *
   * @throws UserError for an empty prompt, one longer than the context, or vectors of another shape than the model
   */
  async trace(request: PathRequest): Promise<PathResult> {
    return this.#session.turn.take('tracing the residual stream', async () => {
      const { lm, vectors } = this.#session;
      const { prompt, tokens, lengths, fit, strength } = request;
      const key = JSON.stringify([prompt, tokens, lengths, fit]);
      let prepared = this.#prepared;
      if (prepared?.key !== key || prepared.lm !== lm || prepared.vectors !== vectors) {
        prepared = await this.#prepare(lm, vectors, request, key);
        this.#prepared = prepared;
      }
      const { ids, positions, base, axes, bounds } = prepared;
      const project = projectionOf(axes, lengths, positions.length);
      const states = vectors && (await steeredStates(lm, ids, positions, vectors, strength));
      const result: PathResult = {
        tokens: positions.map((position) => ({ position, text: tokenText(lm.tokenizer, ids[position] as number) })),
        promptTokens: ids.length,
        layers: lm.model.config.num_hidden_layers,
        base: project(base),
        steered: states && compared(vectors, strength, base, states, project),
        baseNorms: perState(base, positions.length, (row) => Math.sqrt(product(row, row))),
        explained: axes.explained,
        bounds,
      };
      return transfer(result, buffersOf(result));
    });
  }

  async #prepare(
    lm: LanguageModel,
    vectors: CurrentVectors | undefined,
    { prompt, tokens, lengths, fit }: PathRequest,
    key: string,
  ): Promise<Prepared> {
    const ids = promptIds(lm, prompt);
    const first = tokens === 'last' ? ids.length - 1 : Math.max(0, ids.length - MOST_TOKENS);
    const positions = Array.from({ length: ids.length - first }, (_, i) => first + i);
    const base = await residualStream(lm.model, ids, positions);
    const steered = vectors ? await steeredStates(lm, ids, positions, vectors, 1) : [];
    const scaled = (states: readonly Float32Array[]) =>
      states.flatMap((state) => rowsOf(state, positions.length)).map((row) => scaledRow(row, lengths));
    const [here, there] = [scaled(base), scaled(steered)];
    const both = [...here, ...there];
    const differences = there.map((row, i) => row.map((x, j) => x - (here[i]?.[j] as number)));
    const onDifferences = fit === 'differences' && differences.some((row) => row.some((x) => x !== 0));
    // Fetched when it is first wanted: no other view needs it.
    const { principalAxes } = await import('../../src/eval/pca.ts');
    const axes = onDifferences ? aroundMean(principalAxes(differences, 3, false), both) : principalAxes(both, 3);
    const points = both.map((row) => projected(axes, row));
    const bounds = {
      low: [0, 1, 2].map((i) => points.reduce((least, point) => Math.min(least, point[i] as number), Infinity)),
      high: [0, 1, 2].map((i) => points.reduce((most, point) => Math.max(most, point[i] as number), -Infinity)),
    };
    return { key, lm, vectors, ids, positions, base, axes, bounds };
  }
}

/** @throws UserError where there is no token, or one too many */
function promptIds({ tokenizer, model }: LanguageModel, prompt: string): number[] {
  const ids = tokenizer.encode(prompt, { addSpecialTokens: true });
  if (prompt === '' || ids.length === 0)
    throw new UserError('The prompt is empty: write a few words whose path is to be drawn.');
  if (ids.length > model.maxPositions) {
    throw new UserError(
      `The prompt is ${ids.length} tokens long, and the context holds ${model.maxPositions}: shorten it.`,
    );
  }
  return ids;
}

function steeredStates(
  { model }: LanguageModel,
  ids: readonly number[],
  positions: readonly number[],
  vectors: CurrentVectors,
  strength: number,
): Promise<Float32Array[]> {
  return withVectors(model, vectors, strength, (steering) => residualStream(model, ids, positions, steering));
}

type Projection = (states: readonly Float32Array[]) => Float32Array;

/** From states, n of [P, C], to their coordinates, [P, n, 3]. */
function projectionOf(axes: PrincipalAxes, lengths: PathRequest['lengths'], p: number): Projection {
  return (states) => {
    const out = new Float32Array(p * states.length * 3);
    states.forEach((state, l) => {
      rowsOf(state, p).forEach((row, t) => {
        out.set(projected(axes, scaledRow(row, lengths)), (t * states.length + l) * 3);
      });
    });
    return out;
  };
}

function compared(
  { name, hiddenSize: c, values, scale }: CurrentVectors,
  strength: number,
  base: readonly Float32Array[],
  states: readonly Float32Array[],
  project: Projection,
): PathSteered {
  const p = (states[0] as Float32Array).length / c;
  // Without the vector first and divided by the root mean square then: so the arrow is right for either way of lengths.
  const withoutOwn = states.slice(1).map((state, l) => {
    const vector = values.subarray(l * c, (l + 1) * c);
    return state.map((x, i) => x - scale * strength * (vector[i % c] as number));
  });
  const pair = (of: (a: Float32Array, b: Float32Array) => number) =>
    perState(states, p, (row, l, t) => of(row, (base[l] as Float32Array).subarray(t * c, (t + 1) * c)));
  return {
    name,
    strength,
    points: project(states),
    withoutOwn: project(withoutOwn),
    norms: pair((a) => Math.sqrt(product(a, a))),
    distances: pair((a, b) => {
      const change = a.map((x, j) => x - (b[j] as number));
      return Math.sqrt(product(change, change));
    }),
    cosines: pair((a, b) => product(a, b) / (Math.sqrt(product(a, a) * product(b, b)) || 1)),
  };
}

/** A number for each state, [P, n]. */
function perState(
  states: readonly Float32Array[],
  p: number,
  of: (row: Float32Array, layer: number, token: number) => number,
): Float32Array {
  const out = new Float32Array(p * states.length);
  states.forEach((state, l) => {
    rowsOf(state, p).forEach((row, t) => {
      out[t * states.length + l] = of(row, l, t);
    });
  });
  return out;
}

/** Axes of differences, with the states' mean as their origin. */
function aroundMean(axes: PrincipalAxes, rows: readonly Float32Array[]): PrincipalAxes {
  const mean = axes.mean.map((_, j) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length);
  return { ...axes, mean };
}

function rowsOf(state: Float32Array, p: number): Float32Array[] {
  const c = state.length / p;
  return Array.from({ length: p }, (_, t) => state.subarray(t * c, (t + 1) * c));
}

function scaledRow(row: Float32Array, lengths: PathRequest['lengths']): Float32Array {
  if (lengths === 'raw') return row;
  const rms = Math.sqrt(product(row, row) / row.length) || 1;
  return row.map((x) => x / rms);
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function buffersOf({ base, baseNorms, steered }: PathResult): ArrayBuffer[] {
  const arrays = steered
    ? [base, baseNorms, steered.points, steered.withoutOwn, steered.norms, steered.distances, steered.cosines]
    : [base, baseNorms];
  return arrays.map((array) => array.buffer as ArrayBuffer);
}
