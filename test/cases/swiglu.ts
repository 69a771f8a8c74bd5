import { swiglu, swigluBackward } from '../../src/kernels/swiglu.ts';
import * as reference from '../reference/swiglu.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ROWS_BY_COLUMNS } from './shapes.ts';

const HUGE = [0, 20, -20, 88, -88, 104, -104, 1e4, -1e4, 1e20, -1e20, 3e38, -3e38];

export function cases(): KernelCase[] {
  return [
    ...ROWS_BY_COLUMNS.flatMap(([n, f]) => both(n, f, `N=${n} F=${f}`)),
    ...HUGE.flatMap((gate) => both(2, 8, `N=2 F=8 gate=${gate}`, gate)),
  ];
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).flatMap(({ model, n, label }) => both(n, model.f, label));
}

/** Forward and backward on random gates in [-6, 6), or on one gate everywhere. */
function both(n: number, f: number, shape: string, gate?: number): KernelCase[] {
  const random = randomSource(n * 1009 + f);
  const data = Float32Array.from({ length: 2 * n * f }, (_, i) => {
    const value = random.next();
    if (i % (2 * f) >= f) return value;
    return gate ?? 6 * value;
  });
  const gateUp = { data, shape: [n, 2 * f] };
  const dout = { data: random.array(n * f), shape: [n, f] };
  return [
    {
      kernel: 'swiglu_forward',
      shape,
      inputs: { gateUp },
      outputs: { out: { shape: [n, f] } },
      run: (rec, t) => swiglu(rec, t as never, { n, f }),
      reference: (t) => ({ out: reference.swiglu(t.gateUp as Float64Array, n, f) }),
      tolerance: { relative: 2e-6, absolute: 1e-6 },
    },
    {
      kernel: 'swiglu_backward',
      shape,
      inputs: { gateUp, dout },
      outputs: { dgateUp: { shape: [n, 2 * f] } },
      run: (rec, t) => swigluBackward(rec, t as never, { n, f }),
      reference: (t) => ({ dgateUp: reference.swigluBackward(t.gateUp as Float64Array, t.dout as Float64Array, n, f) }),
      tolerance: { relative: 2e-6, absolute: 1e-6 },
    },
  ];
}
