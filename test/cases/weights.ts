import { blockedBytes, isQuantised, packRows, type WeightType } from '../../src/gpu/blocks.ts';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../src/gpu/floats.ts';
import { dequantise, randomBlocks } from '../reference/quants.ts';
import type { Input, KernelCase, randomSource } from './case.ts';

/** A random frozen matrix: numbers that are rounded to `dtype`, or random blocks of a quantised one. */
export function weightInput(
  random: ReturnType<typeof randomSource>,
  rows: number,
  columns: number,
  dtype: WeightType,
): Input {
  const n = rows * columns;
  const data = isQuantised(dtype) ? randomBlocks(n, dtype, (below) => random.integer(below)) : random.array(n);
  return { data, shape: [rows, columns], weight: dtype };
}

/** A weight as the device has it. */
export function packWeight({ data, shape, weight = 'f32' }: Input): Uint8Array {
  const [rows, columns] = shape as [number, number];
  const packed = new Uint8Array(blockedBytes(rows, columns, weight));
  packRows(stored(data, weight), rows, columns, weight, packed);
  return packed;
}

/** A weight's numbers as the kernels see them. */
export function weightValues({ data, weight = 'f32' }: Input): Float64Array {
  if (isQuantised(weight)) return dequantise(data as Uint8Array, weight);
  if (weight === 'bf16') return Float64Array.from(data, (value) => bf16ToF32(f32ToBf16(value)));
  if (weight === 'f16') return Float64Array.from(data, (value) => f16ToF32(f32ToF16(value)));
  return Float64Array.from(data);
}

function stored(data: Input['data'], dtype: WeightType): Uint8Array {
  if (dtype !== 'f16' && dtype !== 'bf16') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(Uint16Array.from(data, dtype === 'bf16' ? f32ToBf16 : f32ToF16).buffer);
}

/**
 * What the reference sees: every input in f64, weights rounded to their dtype, and, under the outputs' names, what they
 * held before.
 */
export function referenceInputs(c: KernelCase): Record<string, Float64Array> {
  const seen: Record<string, Float64Array> = {};
  for (const [name, output] of Object.entries(c.outputs)) {
    if (output.initial) seen[name] = Float64Array.from(output.initial);
  }
  for (const [name, input] of Object.entries(c.inputs))
    seen[name] = input.weight ? weightValues(input) : Float64Array.from(input.data);
  return seen;
}
