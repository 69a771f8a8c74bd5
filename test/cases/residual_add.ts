import { residualAdd } from '../../src/kernels/residual_add.ts';
import * as reference from '../reference/residual_add.ts';
import { type KernelCase, randomSource } from './case.ts';
import { MODELS, modelRows, ROWS_BY_COLUMNS } from './shapes.ts';

export function cases(): KernelCase[] {
  return ROWS_BY_COLUMNS.flatMap(([n, c]) => [
    residualCase(n, c, `N=${n} C=${c}`),
    residualCase(n, c, `N=${n} C=${c} steered`, 3),
  ]);
}

export function benchCases(models = MODELS): KernelCase[] {
  return modelRows(models).flatMap(({ model, n, label }) => [
    residualCase(n, model.c, label),
    residualCase(n, model.c, `${label} steered`, 2),
  ]);
}

function residualCase(n: number, c: number, shape: string, layers?: number): KernelCase {
  const random = randomSource(n * 1009 + c);
  const o = { n, c, layer: 1, scale: 0.75 };
  const inp = { data: random.array(n * c), shape: [n, c] };
  const branch = { data: random.array(n * c), shape: [n, c] };
  return {
    kernel: 'residual_add',
    shape,
    inputs: layers
      ? { inp, branch, steering: { data: random.array(layers * c), shape: [layers, c] } }
      : { inp, branch },
    outputs: { out: { shape: [n, c] } },
    run: (rec, t) => residualAdd(rec, t as never, o),
    reference: (t) => ({ out: reference.residualAdd(t as never, o) }),
    tolerance: { relative: 1e-6, absolute: 1e-7 },
  };
}
