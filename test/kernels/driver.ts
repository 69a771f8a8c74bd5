import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { withShortLine } from '../../src/gpu/kernel.ts';
import { DTYPE_BYTES, type DType, numel, type Tensor } from '../../src/gpu/tensor.ts';
import type { KernelCase } from '../cases/case.ts';
import { packWeight, referenceInputs } from '../cases/weights.ts';
import { testDevice } from '../setup/device.ts';

/** A quiet NaN that no kernel computes: what is read without having been written shows up in the result. */
const SENTINEL = 0x7fc0dead;
/** Stands behind inputs: a NaN too, but another one, so that a copy of it over an output's sentinel is seen. */
const INPUT_SENTINEL = 0x7fc0beef;
/** Bytes kept behind every tensor, so that a write past its end has somewhere to be seen. */
const GUARD = 256;

/** A case on the device: its tensors by name, with `free` to give them back. */
export interface PreparedCase {
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Puts every output back to its initial content, or to sentinels. */
  reset(): void;
  free(): void;
}

/** Registers one test per case; `device` says what it runs on. */
export function describeCases(family: string, cases: readonly KernelCase[], device = testDevice): void {
  describe(family, () => {
    it.each(cases.map((c) => [`${c.kernel} ${c.shape} matches the f64 reference`, c] as const))('%s', async (_, c) => {
      await checkCase(await device(), c);
    });
  });
}

/**
 * Runs a case twice from the same state and asserts: outputs as the reference has them, the same bits with a folded grid,
 * nothing written behind an output, nothing launched where all outputs are empty, no tensor leaked.
 */
export async function checkCase(device: Device, c: KernelCase): Promise<void> {
  const liveBefore = device.arena.live().sort();
  const prepared = prepareCase(device, c);
  try {
    const first = await runOnce(device, c, prepared);
    // Folded as only grids beyond 65,535 workgroups are otherwise, the work is the same.
    const second = await withShortLine(3, () => runOnce(device, c, prepared));
    const want = c.reference(referenceInputs(c));
    for (const [name, output] of Object.entries(c.outputs)) {
      const n = numel(output.shape);
      const got = first[name] as Uint32Array;
      const again = (second[name] as Uint32Array).findIndex((word, i) => word !== got[i]);
      expect(again, `${name}: element ${again} has other bits in a second run`).toBe(-1);
      const touched = got.findIndex((word, i) => i >= n && word !== SENTINEL);
      expect(touched, `${name} has ${n} elements, but element ${touched} was written`).toBe(-1);
      const values = output.dtype === 'u32' ? got.subarray(0, n) : new Float32Array(got.buffer, got.byteOffset, n);
      compare(name, values, want[name] as Float64Array, output.shape, c.tolerance);
    }
  } finally {
    prepared.free();
  }
  expect(device.arena.live().sort()).toEqual(liveBefore);
}

/** Uploads inputs (weights packed into blocks) and makes the outputs, each followed by sentinels. */
export function prepareCase(device: Device, c: KernelCase): PreparedCase {
  const tensors: Record<string, Tensor> = {};
  for (const [name, input] of Object.entries(c.inputs)) {
    const data = input.weight ? packWeight(input) : input.data;
    const dtype = input.weight ?? (input.data instanceof Uint32Array ? 'u32' : 'f32');
    tensors[name] = guarded(device, input.shape, dtype, data.byteLength, name);
    fill(device, tensors[name], INPUT_SENTINEL, data);
  }
  for (const [name, output] of Object.entries(c.outputs)) {
    const dtype = output.dtype ?? 'f32';
    tensors[name] = guarded(device, output.shape, dtype, numel(output.shape) * DTYPE_BYTES[dtype], name);
  }
  const reset = () => {
    for (const [name, output] of Object.entries(c.outputs))
      fill(device, tensors[name] as Tensor, SENTINEL, output.initial);
  };
  reset();
  return {
    tensors,
    reset,
    free() {
      for (const tensor of Object.values(tensors)) device.arena.free(tensor);
    },
  };
}

async function runOnce(device: Device, c: KernelCase, prepared: PreparedCase): Promise<Record<string, Uint32Array>> {
  prepared.reset();
  const rec = device.recorder();
  const before = device.counters.dispatches;
  c.run(rec, prepared.tensors, device);
  if (Object.values(c.outputs).every((output) => numel(output.shape) === 0)) {
    expect(device.counters.dispatches, 'an empty case launches nothing').toBe(before);
  }
  rec.submit();
  const names = Object.keys(c.outputs);
  const whole = names.map((name) => wholeBuffer(prepared.tensors[name] as Tensor));
  const contents = await device.readBytes(whole);
  return Object.fromEntries(names.map((name, i) => [name, new Uint32Array((contents[i] as Uint8Array).buffer)]));
}

function compare(
  name: string,
  got: Float32Array | Uint32Array,
  want: Float64Array,
  shape: readonly number[],
  tolerance: KernelCase['tolerance'],
): void {
  expect(want, `the reference gives no ${name}`).toBeDefined();
  expect(want.length, `${name}: length of the reference`).toBe(got.length);
  let largest = 0;
  for (const value of want) largest = Math.max(largest, Math.abs(value));
  const allowed =
    got instanceof Uint32Array ? 0 : (tolerance?.absolute ?? 1e-5) + (tolerance?.relative ?? 1e-5) * largest;
  let wrong = 0;
  let worst = -1;
  let worstError = 0;
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs((got[i] as number) - (want[i] as number));
    if (error <= allowed) continue;
    wrong++;
    if (worst < 0 || error > worstError || (Number.isNaN(error) && !Number.isNaN(worstError))) {
      worst = i;
      worstError = error;
    }
  }
  if (wrong === 0) return;
  const at = `${name}[${unravel(worst, shape).join(', ')}]`;
  const seen = Number.isNaN(got[worst]) ? 'NaN (an element never written reads as NaN)' : got[worst];
  throw new Error(
    `${wrong} of ${got.length} elements of ${name} are off; ${at} is ${seen}, not ${want[worst]} (error ${worstError}, allowed ${allowed})`,
  );
}

function unravel(index: number, shape: readonly number[]): number[] {
  const at: number[] = [];
  let rest = index;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d] as number;
    at.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return at;
}

/** A tensor with at least `GUARD` bytes of its buffer behind it. */
function guarded(device: Device, shape: readonly number[], dtype: DType, bytes: number, label: string): Tensor {
  const { buffer } = device.arena.alloc([Math.ceil((bytes + GUARD) / 4)], 'u32', label);
  return { buffer, shape, dtype, bytes, label };
}

function wholeBuffer(tensor: Tensor): Tensor {
  return { ...tensor, shape: [tensor.buffer.size / 4], dtype: 'u32', bytes: tensor.buffer.size };
}

/** Writes `data` (or nothing) and sentinels up to the end of the buffer. */
function fill(device: Device, tensor: Tensor, sentinel: number, data?: Float32Array | Uint32Array | Uint8Array): void {
  const words = new Uint32Array(tensor.buffer.size / 4).fill(sentinel);
  if (data) new Uint8Array(words.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  device.write(wholeBuffer(tensor), words);
}
