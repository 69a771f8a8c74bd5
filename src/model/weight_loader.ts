/** From a model's files to the device, a bounded number of rows at a time. */
import { blockedBytes, isQuantised, packRows, storedBytes, type WeightType } from '../gpu/blocks.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../gpu/floats.ts';
import { type Matrix, matrixOf } from '../gpu/matrix.ts';
import { numel, type Tensor } from '../gpu/tensor.ts';
import type { ModelSource } from './weight_table.ts';

/** Type that matrices get on the device; `auto` is the one that each is stored in. */
export type WeightDType = 'auto' | 'f32' | 'f16' | 'bf16';

/** Bytes, packed, that are read and uploaded at a time. */
const CHUNK = 16 * 2 ** 20;
/** Bytes that may wait for the device: a queue keeps a copy of what it has not yet written. */
const WAITING = 4 * CHUNK;

/** What weights are loaded from. */
type WeightSource = Pick<ModelSource, 'name' | 'tensors' | 'read'>;

/** Neighbouring rows of a matrix that go into one buffer. */
interface PartPlan {
  readonly dtype: WeightType;
  readonly rows: number;
  readonly columns: number;
  readonly bytes: number;
  /** Where the rows come from, in their order. */
  readonly from: readonly { readonly name: string; readonly first: number; readonly rows: number }[];
}

/**
 * The parts of a matrix that stacks tensors: neighbours of one type share a part, and what takes more than `limit` bytes
 * is cut into whole rows of blocks.
 * @throws UserError where a quantised tensor is to be converted
 */
export function planMatrix(
  tensors: ModelSource['tensors'],
  names: readonly string[],
  wanted: WeightDType,
  limit = Number.POSITIVE_INFINITY,
): PartPlan[] {
  const runs: { dtype: WeightType; columns: number; names: string[] }[] = [];
  for (const name of names) {
    const info = tensors.get(name);
    if (!info) continue;
    if (wanted !== 'auto' && isQuantised(info.dtype)) {
      throw new UserError(
        `${info.file}: tensor ${name} is stored as ${info.dtype.toUpperCase()}, which is kept as it is: leave out dtype ${wanted}, or take a ` +
          'file in F32, F16 or BF16.',
      );
    }
    const dtype = wanted === 'auto' ? info.dtype : wanted;
    const last = runs.at(-1);
    if (last?.dtype === dtype) last.names.push(name);
    else runs.push({ dtype, columns: info.shape[1] as number, names: [name] });
  }
  return runs.flatMap(({ dtype, columns, names: stacked }) => {
    const rowsOf = (name: string) => tensors.get(name)?.shape[0] as number;
    const total = stacked.reduce((sum, name) => sum + rowsOf(name), 0);
    const most = Math.min(total, Math.max(4, 4 * Math.floor(limit / blockedBytes(4, columns, dtype))));
    return Array.from({ length: Math.ceil(total / most) }, (_, i) => {
      const [begin, end] = [i * most, Math.min((i + 1) * most, total)];
      let row = 0;
      const from = stacked.flatMap((name) => {
        const [first, last] = [Math.max(begin, row) - row, Math.min(end, row + rowsOf(name)) - row];
        row += rowsOf(name);
        return first < last ? [{ name, first, rows: last - first }] : [];
      });
      return { dtype, rows: end - begin, columns, bytes: blockedBytes(end - begin, columns, dtype), from };
    });
  });
}

/** Makes the tensors of a model first, all of them, and then fills them from its files. */
export class WeightLoader {
  readonly #device: Device;
  readonly #source: WeightSource;
  readonly #dtype: WeightDType;
  readonly #onProgress: ((done: number, total: number) => void) | undefined;
  readonly #total: number;
  readonly #made: Tensor[] = [];
  readonly #fills: (() => Promise<void>)[] = [];
  #packed = new Uint8Array();
  #done = 0;
  #waiting = 0;

  constructor(
    device: Device,
    source: WeightSource,
    dtype: WeightDType,
    onProgress?: (done: number, total: number) => void,
  ) {
    this.#device = device;
    this.#source = source;
    this.#dtype = dtype;
    this.#onProgress = onProgress;
    let total = 0;
    for (const { shape, dtype } of source.tensors.values()) total += storedBytes(numel(shape), dtype);
    this.#total = total;
  }

  /** Stacks the rows of one or more matrices with equal columns. */
  matrix(label: string, names: readonly string[]): Matrix {
    const { arena } = this.#device;
    const parts = planMatrix(this.#source.tensors, names, this.#dtype, arena.largestTensor);
    const tensors = parts.map((plan, i) => {
      const blocks = arena.alloc([plan.bytes / 4], 'u32', parts.length > 1 ? `${label} ${i}` : label, { exact: true });
      this.#made.push(blocks);
      this.#fills.push(() => this.#fillMatrix(blocks, plan));
      return { ...blocks, shape: [plan.rows, plan.columns], dtype: plan.dtype };
    });
    return matrixOf(tensors);
  }

  /** Joins one or more vectors, converted to f32. */
  vector(names: readonly string[]): Tensor {
    const length = names.reduce((sum, name) => sum + numel(this.#info(name).shape), 0);
    return this.values([length], names[0] as string, async () => {
      const all = new Float32Array(length);
      let at = 0;
      for (const name of names) {
        const raw = await this.#source.read(name);
        const values = toF32(raw, this.#info(name).dtype);
        all.set(values, at);
        at += values.length;
        this.#progress(raw.byteLength);
      }
      return all;
    });
  }

  /** f32 numbers that come from elsewhere. */
  values(shape: readonly number[], label: string, compute: () => Float32Array | Promise<Float32Array>): Tensor {
    const tensor = this.#device.arena.alloc(shape, 'f32', label, { exact: true });
    this.#made.push(tensor);
    this.#fills.push(async () => this.#device.write(tensor, await compute()));
    return tensor;
  }

  /** Reads, packs and uploads everything, in the order in which it was made. */
  async fill(): Promise<void> {
    this.#packed = new Uint8Array(CHUNK);
    for (const fill of this.#fills) await fill();
  }

  free(): void {
    for (const tensor of this.#made) this.#device.arena.free(tensor);
  }

  /** Whole rows of blocks at a time, until the part is full. */
  async #fillMatrix(target: Tensor, plan: PartPlan): Promise<void> {
    const { rows, columns, dtype, from } = plan;
    const four = blockedBytes(4, columns, dtype);
    const step = 4 * Math.max(1, Math.floor(CHUNK / four));
    for (let begin = 0; begin < rows; begin += step) {
      const end = Math.min(begin + step, rows);
      const bytes = blockedBytes(end - begin, columns, dtype);
      // A single row of blocks may be longer than a chunk.
      const packed = bytes > CHUNK ? new Uint8Array(bytes) : this.#packed.subarray(0, bytes).fill(0);
      let row = 0;
      for (const { name, first, rows: count } of from) {
        const [low, high] = [Math.max(begin, row), Math.min(end, row + count)];
        if (low < high) {
          const raw = await this.#source.read(name, { first: first + low - row, count: high - low });
          const stored = convert(raw, this.#info(name).dtype, dtype);
          packRows(stored, high - low, columns, dtype, packed, low - begin);
          this.#progress(raw.byteLength);
        }
        row += count;
      }
      this.#device.write(target, packed, (begin / 4) * four);
      this.#waiting += bytes;
      if (this.#waiting >= WAITING) {
        this.#waiting = 0;
        await this.#device.sync();
      }
    }
  }

  #info(name: string): { dtype: WeightType; shape: readonly number[] } {
    const info = this.#source.tensors.get(name);
    if (!info) throw new UserError(`${this.#source.name} has no tensor ${name}`);
    return info;
  }

  #progress(bytes: number): void {
    this.#done += bytes;
    this.#onProgress?.(this.#done, this.#total);
  }
}

/** Bytes of one element type as those of another. */
function convert(raw: Uint8Array, from: WeightType, to: WeightType): Uint8Array {
  if (from === to) return raw;
  const values = toF32(raw, from);
  return new Uint8Array(
    to === 'f32' ? values.buffer : Uint16Array.from(values, to === 'bf16' ? f32ToBf16 : f32ToF16).buffer,
    to === 'f32' ? values.byteOffset : 0,
  );
}

function toF32(raw: Uint8Array, dtype: WeightType): Float32Array {
  if (dtype === 'f32') return new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  if (isQuantised(dtype)) throw new Error(`${dtype} has no single elements`);
  const halves = new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2);
  return Float32Array.from(halves, dtype === 'bf16' ? bf16ToF32 : f16ToF32);
}
