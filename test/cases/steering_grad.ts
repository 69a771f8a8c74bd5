import { steeringGrad, steeringGradPartials } from '../../src/kernels/steering_grad.ts';
import * as reference from '../reference/steering_grad.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ODD, ROWS_BY_COLUMNS } from './shapes.ts';

export function cases(): KernelCase[] {
  return [...ROWS_BY_COLUMNS, ...ODD.map((c) => [1025, c] as const)].flatMap(([n, c]) =>
    [false, true].map((accumulate) => gradCase(n, c, `N=${n} C=${c}${accumulate ? ' accumulate' : ''}`, accumulate)),
  );
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).map(({ model, n, label }) => gradCase(n, model.c, label));
}

function gradCase(n: number, c: number, shape: string, accumulate = false): KernelCase {
  const random = randomSource(n * 1009 + c);
  const layers = 3;
  const o = { n, c, layer: 1, scale: 0.75, accumulate };
  return {
    kernel: 'steering_grad',
    shape,
    inputs: { dresid: { data: random.array(n * c), shape: [n, c] } },
    outputs: { grad: { shape: [layers, c], initial: random.array(layers * c) } },
    run(rec, t, device) {
      const partial = device.arena.alloc([steeringGradPartials(n), c], 'f32', 'partial'); // [P, C]
      steeringGrad(rec, { ...t, partial } as never, o);
      device.arena.free(partial);
    },
    reference: (t) => ({ grad: reference.steeringGrad(t.dresid as Float64Array, t.grad as Float64Array, o) }),
    tolerance: { relative: 1e-5, absolute: 1e-6 },
  };
}
