import { readFile } from '#platform';
import { parseSafetensors } from '../../src/model/safetensors.ts';

/** Tensors of a file in test/golden, by name. */
export async function golden(
  file: string,
): Promise<{ f32(name: string): Float32Array; ids(name: string): number[]; names: string[] }> {
  const path = `test/golden/${file}.safetensors`;
  const { tensors } = parseSafetensors(await readFile(path), path);
  const get = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`${path} has no tensor ${name}`);
    return tensor;
  };
  return {
    f32: (name) => get(name).data as Float32Array,
    ids: (name) => Array.from(get(name).data as Int32Array, Number),
    names: [...tensors.keys()],
  };
}

export async function goldenJson<T>(file: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await readFile(`test/golden/${file}.json`))) as T;
}

/** ‖got − want‖ / ‖want‖. */
export function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) throw new Error(`${got.length} numbers against ${want.length}`);
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < want.length; i++) {
    difference += ((got[i] as number) - (want[i] as number)) ** 2;
    norm += (want[i] as number) ** 2;
  }
  return Math.sqrt(difference / Math.max(norm, 1e-30));
}

/** The largest |got − want|; NaN where any of them is. */
export function largestError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) throw new Error(`${got.length} numbers against ${want.length}`);
  let largest = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs((got[i] as number) - (want[i] as number));
    if (Number.isNaN(difference)) return Number.NaN;
    largest = Math.max(largest, difference);
  }
  return largest;
}
