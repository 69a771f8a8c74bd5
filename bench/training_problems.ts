import type { AdamWStep } from '../src/kernels/adamw.ts';
import { randomSource } from '../test/cases/case.ts';
import type { ModelShape } from '../test/cases/shapes.ts';
import type { Common } from './problems.ts';

/** Natural logarithm of the softmax of `targets` [ROWS] in x [ROWS, V], what a loss is made of; shape `ROWSxV`. */
export interface CrossEntropy extends Common {
  readonly name: 'cross_entropy';
  readonly rows: number;
  readonly columns: number;
}

/** One update of the vectors [L, C] and of both moments, without clip; shape `LxC`. */
export interface AdamW extends Common {
  readonly name: 'adamw';
  readonly rows: number;
  readonly columns: number;
}

export type TrainingProblem = CrossEntropy | AdamW;

export const ADAMW: AdamWStep = {
  lr: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  step: 7,
  maxNorm: 0,
};
/** What the learning rate and the root are once the bias is corrected. */
export const ADAMW_STEP_SIZE = ADAMW.lr / (1 - ADAMW.beta1 ** ADAMW.step);
export const ADAMW_ROOT = Math.sqrt(1 - ADAMW.beta2 ** ADAMW.step);

const LAYERS: Readonly<Record<string, number>> = { demo: 4, 'SmolLM2-135M': 30, 'Qwen2.5-1.5B': 28 };

export function trainingProblems({ name, c, v }: ModelShape, rows: number): TrainingProblem[] {
  const layers = LAYERS[name] as number;
  return [
    {
      name: 'cross_entropy',
      model: name,
      shape: `${rows}x${v}`,
      cost: { flops: 4 * rows * v, bytes: 4 * rows * v },
      rows,
      columns: v,
    },
    {
      name: 'adamw',
      model: name,
      shape: `${layers}x${c}`,
      cost: { flops: 14 * layers * c, bytes: 28 * layers * c },
      rows: layers,
      columns: c,
    },
  ];
}

export function trainingInputs(p: TrainingProblem): Record<string, Float32Array> {
  const random = randomSource(7);
  const size = p.rows * p.columns;
  if (p.name === 'cross_entropy') {
    const targets = Float32Array.from({ length: p.rows }, () => random.integer(p.columns));
    return { x: random.array(size, 5), targets };
  }
  const [param, grad] = [random.array(size), random.array(size)];
  return { param, grad, m: random.array(size, 0.1), v: random.array(size, 0.01).map(Math.abs) };
}

export function trainingSize(p: TrainingProblem): number {
  return p.name === 'cross_entropy' ? p.rows : p.rows * p.columns;
}

export function exactTraining(p: TrainingProblem, inputs: Record<string, Float32Array>, index: number): number {
  const at = (name: string, i = index) => inputs[name]?.[i] as number;
  if (p.name === 'cross_entropy') {
    const row = Float64Array.from((inputs.x as Float32Array).subarray(index * p.columns, (index + 1) * p.columns));
    const largest = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, value) => total + Math.exp(value - largest), 0);
    return (row[at('targets')] as number) - largest - Math.log(sum);
  }
  const { beta1, beta2, eps } = ADAMW;
  const m = beta1 * at('m') + (1 - beta1) * at('grad');
  const v = beta2 * at('v') + (1 - beta2) * at('grad') ** 2;
  return at('param') - (ADAMW_STEP_SIZE * m) / (Math.sqrt(v) / ADAMW_ROOT + eps);
}
