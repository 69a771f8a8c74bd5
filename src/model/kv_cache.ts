import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { Model } from './model.ts';

/** In what keys and values are kept. Sums over them are f32 either way. */
export type CacheType = 'f32' | 'f16';

/** Keys (rotated) and values of every layer, one row a token; sequences own contiguous runs of rows. */
export class KVCache {
  readonly layers: readonly Tensor[]; // each [rows, 2 Hkv D]
  readonly rows: number;
  readonly #device: Device;
  readonly #free: { start: number; length: number }[];

  constructor(model: Model, rows: number, dtype: CacheType = model.kvCacheDtype) {
    const { kvHeads, headDim } = model.headShape;
    this.#device = model.device;
    this.rows = rows;
    this.layers = model.layers.map((_, l) =>
      model.device.arena.alloc([rows, 2 * kvHeads * headDim], dtype, `kv_cache ${l}`),
    );
    this.#free = [{ start: 0, length: rows }];
  }

  /** The first of `length` contiguous rows, or undefined when there is no such run. */
  take(length: number): number | undefined {
    const i = this.#free.findIndex((run) => run.length >= length);
    const run = this.#free[i];
    if (!run) return undefined;
    const { start } = run;
    if (run.length === length) this.#free.splice(i, 1);
    else this.#free[i] = { start: start + length, length: run.length - length };
    return start;
  }

  give(start: number, length: number): void {
    if (length === 0) return;
    const i = this.#free.findIndex((run) => run.start > start);
    const at = i < 0 ? this.#free.length : i;
    this.#free.splice(at, 0, { start, length });
    this.#merge(at);
    this.#merge(at - 1);
  }

  dispose(): void {
    for (const tensor of this.layers) this.#device.arena.free(tensor);
  }

  #merge(i: number): void {
    const run = this.#free[i];
    const next = this.#free[i + 1];
    if (run && next && run.start + run.length === next.start) {
      this.#free.splice(i, 2, { start: run.start, length: run.length + next.length });
    }
  }
}
