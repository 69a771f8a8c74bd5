import { blockedBytes } from '../src/gpu/blocks.ts';
import type { Device } from '../src/gpu/device.ts';
import type { Cost } from '../src/gpu/kernel.ts';
import { DTYPE_BYTES, type DType, numel, type Tensor } from '../src/gpu/tensor.ts';
import { costOf, timeRecording } from '../src/gpu/timing.ts';
import type { KernelCase } from '../test/cases/case.ts';
import { packWeight, referenceInputs } from '../test/cases/weights.ts';
import { failure, type Row, type Rows } from './row.ts';
import { attendedShare } from './whole_work.ts';

/** On a software adapter a case is left out when the roofline alone asks for more than this. */
const TOO_SLOW_MS = 1000;

/** Up to so much a case's results are compared with the reference before it is timed. */
const CHECKED_FLOPS = 2e7;
const CHECKED_NUMBERS = 2e6;

/** A case's tensors as `run` takes them: dtype and shape are known before anything is allocated. */
interface Plan {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly bytes: number;
}

/** Times one case, or says why not. `all`: also what takes long. */
export async function caseRow(device: Device, rows: Rows, c: KernelCase, all: boolean): Promise<Row> {
  const plans = planOf(c);
  const id = { name: c.kernel, impl: 'trimtab', shape: c.shape, dtype: dtypeOf(c) };
  const largest = Math.max(...Object.values(plans).map((plan) => plan.bytes));
  const limit = Math.min(device.caps.maxBinding, device.caps.maxBuffer);
  if (largest > limit) {
    return rows.skipped(id, `a tensor of ${mib(largest)}, and the adapter binds at most ${mib(limit)}`);
  }
  const withoutBuffers = Object.fromEntries(
    Object.entries(plans).map(([label, plan]) => [label, { ...plan, label, buffer: undefined as never }]),
  );
  const { kernels, ...declared } = costOf(device, (rec) => c.run(rec, withoutBuffers, device));
  const cost = { ...declared, flops: declared.flops * shareOfPairs(c) };
  const least = rows.leastMs(cost);
  if (device.caps.isSoftware && !all && least > TOO_SLOW_MS) {
    return rows.skipped(id, `at least ${(least / 1000).toFixed(1)} s on this software adapter; --all runs it`);
  }
  let tensors: Record<string, Tensor> = {};
  try {
    tensors = allocate(device, c, plans);
    const error = isCheap(c, cost) ? await errorOf(device, c, tensors) : undefined;
    const timing = await timeRecording(device, (rec) => c.run(rec, tensors, device));
    return rows.timed(id, timing, cost, { variant: kernels.join(' + '), ...(error !== undefined && { error }) });
  } catch (error) {
    return rows.skipped(id, failure(error));
  } finally {
    for (const tensor of Object.values(tensors)) device.arena.free(tensor);
  }
}

/** Whether the f64 reference takes a fraction of a second. */
function isCheap(c: KernelCase, { flops }: Cost): boolean {
  const numbers = Object.values(c.inputs).reduce((sum, { data }) => sum + data.length, 0);
  return flops <= CHECKED_FLOPS && numbers <= CHECKED_NUMBERS;
}

/**
 * Runs a case once, and compares. @returns the largest error, relative to the largest value
 * @throws Error where it is beyond the case's tolerance: a wrong result has no time
 */
async function errorOf(device: Device, c: KernelCase, tensors: Readonly<Record<string, Tensor>>): Promise<number> {
  const rec = device.recorder();
  c.run(rec, tensors, device);
  rec.submit();
  const want = c.reference(referenceInputs(c));
  const { relative = 1e-5, absolute = 1e-5 } = c.tolerance ?? {};
  let error = 0;
  for (const name of Object.keys(c.outputs)) {
    const tensor = tensors[name] as Tensor;
    const got = tensor.dtype === 'u32' ? await device.readU32(tensor) : await device.read(tensor);
    const exact = want[name] as Float64Array;
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const allowed = got instanceof Uint32Array ? 0 : absolute + relative * largest;
    for (const [i, value] of exact.entries()) {
      const off = Math.abs((got[i] as number) - value);
      if (!(off <= allowed)) throw new Error(`${name}[${i}] is ${got[i]}, not ${value}: no time for a wrong result`);
      error = Math.max(error, off / (largest || 1));
    }
  }
  return error;
}

/**
 * Attention's declaration takes every row to have n / 2 keys, because only the ranges know better: how much of that
 * they ask for. 1 for kernels without ranges.
 */
function shareOfPairs(c: KernelCase): number {
  const ranges = c.inputs.ranges;
  if (!ranges) return 1;
  return attendedShare(ranges.data);
}

function planOf(c: KernelCase): Record<string, Plan> {
  const plans: Record<string, Plan> = {};
  for (const [name, { shape, weight, data }] of Object.entries(c.inputs)) {
    const dtype = weight ?? (data instanceof Uint32Array ? 'u32' : 'f32');
    const bytes = weight ? blockedBytes(shape[0] as number, shape[1] as number, weight) : data.byteLength;
    plans[name] = { shape, dtype, bytes };
  }
  for (const [name, { shape, dtype = 'f32' }] of Object.entries(c.outputs)) {
    plans[name] = { shape, dtype, bytes: numel(shape) * DTYPE_BYTES[dtype] };
  }
  return plans;
}

function allocate(device: Device, c: KernelCase, plans: Record<string, Plan>): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, plan] of Object.entries(plans)) {
    const { buffer } = device.arena.alloc([Math.ceil(plan.bytes / 4)], 'u32', name);
    const tensor = { ...plan, buffer, label: name };
    tensors[name] = tensor;
    const input = c.inputs[name];
    if (input) device.write(tensor, input.weight ? packWeight(input) : input.data);
    const initial = c.outputs[name]?.initial;
    if (initial) device.write(tensor, initial);
    else if (!input) device.recorder().clear(tensor);
  }
  return tensors;
}

function dtypeOf(c: KernelCase): string {
  return Object.values(c.inputs).find((input) => input.weight)?.weight ?? 'f32';
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
