import type { WeightType } from '../../src/gpu/blocks.ts';
import type { Device } from '../../src/gpu/device.ts';
import type { Recorder } from '../../src/gpu/recorder.ts';
import type { ElementType, Tensor } from '../../src/gpu/tensor.ts';

export interface Input {
  /** Row-major values. For a weight: the plain [N, K] matrix, or its quantised blocks; the driver packs it. */
  readonly data: Float32Array | Uint32Array | Uint8Array;
  readonly shape: readonly number[];
  /** A frozen matrix in the blocked layout, stored in this dtype (the reference sees the rounded values). */
  readonly weight?: WeightType;
}

export interface Output {
  readonly shape: readonly number[];
  readonly dtype?: ElementType;
  /** What it holds before, for in-place and accumulating kernels; otherwise it is filled with a sentinel. */
  readonly initial?: Float32Array | Uint32Array;
}

/**
 * One case drives the comparison with the f64 reference, the sentinels around every output, and the benchmark row.
 * Cases are made from a shape and a seeded random source, so that one function serves odd test shapes and model shapes.
 */
export interface KernelCase {
  /** The kernel's name: also its shader, its launcher's file and its benchmark row. */
  readonly kernel: string;
  /** Readable shape, e.g. `M=3 N=65 K=17 bf16`. */
  readonly shape: string;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly outputs: Readonly<Record<string, Output>>;
  /** Records the launch on tensors named as the inputs and outputs. */
  run(rec: Recorder, tensors: Readonly<Record<string, Tensor>>, device: Device): void;
  /** f64 reference: the expected outputs by name, from the inputs as the kernel sees them. */
  reference(inputs: Readonly<Record<string, Float64Array>>): Readonly<Record<string, Float64Array>>;
  /** |got - want| <= absolute + relative * max|want|. Default 1e-5 both. */
  readonly tolerance?: { readonly relative: number; readonly absolute: number };
}

/** A seeded source of test numbers (mulberry32), uniform in [-1, 1). */
export function randomSource(seed: number): {
  next(): number;
  array(n: number, scale?: number): Float32Array;
  integer(below: number): number;
} {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next: () => 2 * unit() - 1,
    array: (n, scale = 1) => {
      const values = new Float32Array(n);
      for (let i = 0; i < n; i++) values[i] = scale * (2 * unit() - 1);
      return values;
    },
    integer: (below) => Math.floor(unit() * below),
  };
}
