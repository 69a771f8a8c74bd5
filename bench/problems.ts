import type { Cost } from '../src/gpu/kernel.ts';
import { randomSource } from '../test/cases/case.ts';
import { MODELS, type ModelShape } from '../test/cases/shapes.ts';
import {
  type Elementwise,
  elementwise,
  elementwiseInputs,
  elementwiseSize,
  exactElementwise,
} from './elementwise_problems.ts';
import {
  exactTraining,
  type TrainingProblem,
  trainingInputs,
  trainingProblems,
  trainingSize,
} from './training_problems.ts';

/** What trimtab and its peers are both asked to compute, in f32. */
export type Problem = Matmul | Softmax | RmsNorm | Attention | Elementwise | TrainingProblem;

export interface Common {
  /** Spelt the same for all implementations. */
  readonly shape: string;
  /** The work that the task itself asks for, whatever an implementation does besides. */
  readonly cost: Cost;
  /** The model that the shape is of. */
  readonly model: string;
}

/** out [M, N] = a [M, K] b [K, N]; shape `MxNxK`. */
export interface Matmul extends Common {
  readonly name: 'matmul';
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Over the last dimension of [rows, columns]; shape `ROWSxCOLUMNS`. */
export interface Softmax extends Common {
  readonly name: 'softmax';
  readonly rows: number;
  readonly columns: number;
}

/** Of [rows, columns] with a weight [columns]; shape `ROWSxCOLUMNS`. */
export interface RmsNorm extends Common {
  readonly name: 'rmsnorm';
  readonly rows: number;
  readonly columns: number;
}

/** Causal, grouped-query, [B, T, H, D] with keys and values [B, T, Hkv, D]; shape `BxTxHxD/Hkv`. */
export interface Attention extends Common {
  readonly name: 'attention';
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export const EPSILON = 1e-5;

/** Names of the tasks. */
export const PROBLEM_NAMES = [
  'matmul',
  'softmax',
  'rmsnorm',
  'attention',
  'embedding',
  'swiglu',
  'rope',
  'cross_entropy',
  'adamw',
] as const;

/** Rows of each task's inputs. */
interface RowCounts {
  readonly products: readonly number[];
  readonly logits: number;
  readonly tokens: number;
  readonly sequences: number;
}

/** On a CPU larger models have fewer rows: peers take seconds for more. */
function rowCounts({ c }: ModelShape, software: boolean): RowCounts {
  if (!software) return { products: [64, 1024], logits: 64, tokens: 1024, sequences: 4 };
  if (c < 200) return { products: [1024], logits: 64, tokens: 1024, sequences: 4 };
  if (c < 1000) return { products: [64], logits: 64, tokens: 1024, sequences: 4 };
  return { products: [16], logits: 16, tokens: 256, sequences: 2 };
}

/** The square product that implementations are usually compared by, and the shapes of the models. */
export function problems(models: readonly ModelShape[], software: boolean): Problem[] {
  return [
    ...(models.includes(MODELS[0] as ModelShape) ? [matmul('demo', 512, 512, 512)] : []),
    ...models.flatMap((model) => {
      const { name, c, f, v, heads, kvHeads, headDim } = model;
      const rows = rowCounts(model, software);
      return [
        ...rows.products.flatMap((m) => [
          matmul(name, m, (heads + 2 * kvHeads) * headDim, c),
          matmul(name, m, 2 * f, c),
          matmul(name, m, c, f),
        ]),
        softmax(name, rows.logits, v),
        rmsnorm(name, rows.tokens, c),
        attention(name, rows.sequences, 128, model),
        ...elementwise(model, rows.tokens, software),
        ...trainingProblems(model, rows.logits),
      ];
    }),
  ];
}

export function matmul(model: string, m: number, n: number, k: number): Matmul {
  const cost = { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) };
  return { name: 'matmul', model, shape: `${m}x${n}x${k}`, cost, m, n, k };
}

/** What everybody has to read: `sample` writes no probabilities, so the matrix that peers write is not counted. */
function softmax(model: string, rows: number, columns: number): Softmax {
  const cost = { flops: 5 * rows * columns, bytes: 4 * rows * columns };
  return { name: 'softmax', model, shape: `${rows}x${columns}`, cost, rows, columns };
}

function rmsnorm(model: string, rows: number, columns: number): RmsNorm {
  const cost = { flops: 4 * rows * columns, bytes: 8 * rows * columns + 4 * columns };
  return { name: 'rmsnorm', model, shape: `${rows}x${columns}`, cost, rows, columns };
}

function attention(model: string, batch: number, length: number, o: ModelShape): Attention {
  const { heads, kvHeads, headDim } = o;
  const pairs = (length * (length + 1)) / 2;
  const cost = {
    flops: batch * heads * pairs * (4 * headDim + 5),
    bytes: 4 * batch * length * headDim * 2 * (heads + kvHeads),
  };
  const shape = `${batch}x${length}x${heads}x${headDim}/${kvHeads}`;
  return { name: 'attention', model, shape, cost, batch, length, heads, kvHeads, headDim };
}

/** A problem's inputs, the same for everybody, by name. */
export function inputsOf(p: Problem): Record<string, Float32Array> {
  const random = randomSource(7);
  switch (p.name) {
    case 'matmul':
      return { a: random.array(p.m * p.k), b: random.array(p.k * p.n) };
    case 'softmax':
      return { x: random.array(p.rows * p.columns, 5) };
    case 'rmsnorm':
      return { x: random.array(p.rows * p.columns), weight: random.array(p.columns) };
    case 'attention': {
      const rows = p.batch * p.length;
      const keys = () => random.array(rows * p.kvHeads * p.headDim);
      return { q: random.array(rows * p.heads * p.headDim), k: keys(), v: keys() };
    }
    case 'cross_entropy':
    case 'adamw':
      return trainingInputs(p);
    default:
      return elementwiseInputs(p);
  }
}

/** Elements of a result that are computed again. */
const CHECKED = 512;

/** The largest error of a result against f64, relative to the largest value, over elements spread through it. */
export function errorOf(p: Problem, inputs: Record<string, Float32Array>, result: ArrayLike<number>): number {
  const size = sizeOf(p);
  if (result.length !== size) throw new Error(`${p.name} ${p.shape}: ${result.length} elements, ${size} were expected`);
  const random = randomSource(11);
  const picked = [0, size - 1, ...Array.from({ length: CHECKED }, () => random.integer(size))];
  let largest = 0;
  let error = 0;
  for (const index of picked) {
    const want = exact(p, inputs, index);
    largest = Math.max(largest, Math.abs(want));
    const difference = Math.abs((result[index] as number) - want);
    if (Number.isNaN(difference)) return Number.NaN;
    error = Math.max(error, difference);
  }
  return error / largest;
}

function sizeOf(p: Problem): number {
  if (p.name === 'matmul') return p.m * p.n;
  if (p.name === 'attention') return p.batch * p.length * p.heads * p.headDim;
  if (p.name === 'softmax' || p.name === 'rmsnorm') return p.rows * p.columns;
  if (p.name === 'cross_entropy' || p.name === 'adamw') return trainingSize(p);
  return elementwiseSize(p);
}

/** One element in f64. */
export function exact(p: Problem, inputs: Record<string, Float32Array>, index: number): number {
  switch (p.name) {
    case 'matmul':
      return exactMatmul(p, inputs as never, index);
    case 'softmax':
      return exactSoftmax(p, inputs as never, index);
    case 'rmsnorm':
      return exactRmsNorm(p, inputs as never, index);
    case 'attention':
      return exactAttention(p, inputs as never, index);
    case 'cross_entropy':
    case 'adamw':
      return exactTraining(p, inputs, index);
    default:
      return exactElementwise(p, inputs, index);
  }
}

function exactMatmul(p: Matmul, { a, b }: { a: Float32Array; b: Float32Array }, index: number): number {
  const row = Math.floor(index / p.n);
  const column = index % p.n;
  let sum = 0;
  for (let i = 0; i < p.k; i++) sum += (a[row * p.k + i] as number) * (b[i * p.n + column] as number);
  return sum;
}

function exactSoftmax(p: Softmax, { x }: { x: Float32Array }, index: number): number {
  const row = index - (index % p.columns);
  const values = Float64Array.from(x.subarray(row, row + p.columns));
  const largest = values.reduce((a, b) => Math.max(a, b));
  const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
  return Math.exp((x[index] as number) - largest) / sum;
}

function exactRmsNorm(p: RmsNorm, { x, weight }: { x: Float32Array; weight: Float32Array }, index: number): number {
  const column = index % p.columns;
  const row = Float64Array.from(x.subarray(index - column, index - column + p.columns));
  const square = row.reduce((sum, value) => sum + value * value, 0) / p.columns;
  return ((x[index] as number) * (weight[column] as number)) / Math.sqrt(square + EPSILON);
}

function exactAttention(
  p: Attention,
  { q, k, v }: { q: Float32Array; k: Float32Array; v: Float32Array },
  index: number,
): number {
  const { heads, kvHeads, headDim, length } = p;
  const d = index % headDim;
  const head = Math.floor(index / headDim) % heads;
  const row = Math.floor(index / (headDim * heads));
  const first = row - (row % length);
  const kvHead = Math.floor(head / (heads / kvHeads));
  const key = (j: number) => (j * kvHeads + kvHead) * headDim;
  const scores = Array.from({ length: row - first + 1 }, (_, j) => {
    let dot = 0;
    for (let i = 0; i < headDim; i++)
      dot += (q[(row * heads + head) * headDim + i] as number) * (k[key(first + j) + i] as number);
    return dot / Math.sqrt(headDim);
  });
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.reduce((sum, w, j) => sum + (w / total) * (v[key(first + j) + d] as number), 0);
}
