import type { Tensor } from '../gpu/tensor.ts';
import { matrixProduct } from '../kernels/matrix.ts';
import type { LanguageModel } from '../model/language_model.ts';

export interface LensToken {
  readonly id: number;
  readonly token: string;
  readonly score: number;
}

export interface LensLayer {
  readonly layer: number;
  /** Euclidean norm of the vector. */
  readonly norm: number;
  /** Likeliest tokens first; none for a vector of zeros, which says nothing. */
  readonly top: readonly LensToken[];
}

/**
 * The logit lens of the steering vectors: `W_U · s_l` for every layer, without the final norm (nostalgebraist 2020; the
 * paper's section on interpretation), the `k` tokens with the largest dot product each.
 *
 * @param vectors [L, C]
 */
export async function logitLens(lm: LanguageModel, vectors: Tensor, k = 10): Promise<LensLayer[]> {
  const { model, tokenizer } = lm;
  const { device } = model;
  const [layers, c] = vectors.shape as [number, number];
  const vocab = model.config.vocab_size;
  const stride = Math.ceil(vocab / 4) * 4;
  const scores = device.arena.alloc([layers, stride], 'f32', 'lens'); // [L, stride]
  const rec = device.recorder();
  matrixProduct(rec, { inp: vectors, weight: model.lm_head, out: scores }, { m: layers, outStride: stride });
  const [dots, values] = (await device.readBytes([scores, vectors])).map((bytes) => new Float32Array(bytes.buffer)) as [
    Float32Array,
    Float32Array,
  ];
  device.arena.free(scores);
  return Array.from({ length: layers }, (_, layer) => {
    const row = dots.subarray(layer * stride, layer * stride + vocab);
    const norm = Math.sqrt(values.subarray(layer * c, (layer + 1) * c).reduce((sum, x) => sum + x * x, 0));
    const order =
      norm === 0 ? [] : Array.from(row.keys()).sort((a, b) => (row[b] as number) - (row[a] as number) || a - b);
    return {
      layer,
      norm,
      top: order.slice(0, k).map((id) => ({ id, token: tokenizer.decode([id]), score: row[id] as number })),
    };
  });
}
