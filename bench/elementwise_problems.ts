import { ropeTable } from '../src/kernels/rope.ts';
import { randomSource } from '../test/cases/case.ts';
import type { ModelShape } from '../test/cases/shapes.ts';
import type { Common } from './problems.ts';

/** out [ROWS, C] = table [V, C] at ids [ROWS]; shape `ROWSxC/V`. */
export interface Embedding extends Common {
  readonly name: 'embedding';
  readonly rows: number;
  readonly columns: number;
  readonly vocab: number;
}

/** out [ROWS, F] = silu(gate) * up; shape `ROWSxF`. */
export interface SwiGlu extends Common {
  readonly name: 'swiglu';
  readonly rows: number;
  readonly columns: number;
}

/** x [ROWS, H, D] turned by the angles of positions 0 to ROWS - 1, halves as `rotate_half` has them; shape `ROWSxHxD`. */
export interface Rope extends Common {
  readonly name: 'rope';
  readonly rows: number;
  readonly heads: number;
  readonly headDim: number;
}

export type Elementwise = Embedding | SwiGlu | Rope;

const THETA = 10000;

/** Less than lavapipe binds: a larger table has as many rows as fit, since only those that are read take time. */
const TABLE_BYTES = 120 * 2 ** 20;

export function elementwise(model: ModelShape, rows: number, software: boolean): Elementwise[] {
  const { name, c, f, heads, kvHeads, headDim } = model;
  const vocab = software ? Math.min(model.v, Math.floor(TABLE_BYTES / (4 * c))) : model.v;
  const turned = heads + kvHeads;
  const size = rows * turned * headDim;
  return [
    {
      name: 'embedding',
      model: name,
      shape: `${rows}x${c}/${vocab}`,
      cost: { flops: 0, bytes: 8 * rows * c + 4 * rows },
      rows,
      columns: c,
      vocab,
    },
    {
      name: 'swiglu',
      model: name,
      shape: `${rows}x${f}`,
      cost: { flops: 6 * rows * f, bytes: 12 * rows * f },
      rows,
      columns: f,
    },
    {
      name: 'rope',
      model: name,
      shape: `${rows}x${turned}x${headDim}`,
      cost: { flops: 3 * size, bytes: 8 * size },
      rows,
      heads: turned,
      headDim,
    },
  ];
}

export function elementwiseInputs(p: Elementwise): Record<string, Float32Array> {
  const random = randomSource(7);
  switch (p.name) {
    case 'embedding':
      return {
        ids: Float32Array.from({ length: p.rows }, () => random.integer(p.vocab)),
        table: random.array(p.vocab * p.columns),
      };
    case 'swiglu':
      return { gate: random.array(p.rows * p.columns, 3), up: random.array(p.rows * p.columns) };
    case 'rope': {
      const half = p.headDim / 2;
      const table = ropeTable(p.rows, p.headDim, THETA); // [rows, D / 2, 2]
      const pick = (which: 0 | 1) => Float32Array.from({ length: p.rows * half }, (_, i) => table[2 * i + which] ?? 0);
      return { x: random.array(p.rows * p.heads * p.headDim), cos: pick(0), sin: pick(1) };
    }
  }
}

export function elementwiseSize(p: Elementwise): number {
  return p.rows * (p.name === 'rope' ? p.heads * p.headDim : p.columns);
}

export function exactElementwise(p: Elementwise, inputs: Record<string, Float32Array>, index: number): number {
  const at = (name: string, i: number) => inputs[name]?.[i] as number;
  switch (p.name) {
    case 'embedding':
      return at('table', at('ids', Math.floor(index / p.columns)) * p.columns + (index % p.columns));
    case 'swiglu':
      return (at('gate', index) / (1 + Math.exp(-at('gate', index)))) * at('up', index);
    case 'rope': {
      const half = p.headDim / 2;
      const d = index % p.headDim;
      const angle = Math.floor(index / (p.headDim * p.heads)) * half + (d % half);
      const other = d < half ? -at('x', index + half) : at('x', index - half);
      return at('x', index) * at('cos', angle) + other * at('sin', angle);
    }
  }
}
