import type { Matrix } from '../src/gpu/matrix.ts';
import type { Layer, Model } from '../src/model/model.ts';
import type { Packed } from '../src/model/packing.ts';
import { attendedPairs } from './whole_work.ts';

/** Floating-point operations of the products and attentions of a pass, nothing else. */
export interface Floor {
  readonly forward: number;
  /** Forward, and for what lies above the lowest vector the backward pass. */
  readonly training: number;
  /** As `training`, with the layers above the lowest vector computed twice, but for the product that no rule reads the result of. */
  readonly recompute: number;
  /** As `training`, without the layers' forward pass. */
  readonly kept: number;
  /** The forward pass above the lowest vector: what the model without vectors takes. */
  readonly reference: number;
}

/**
 * The operations that a pass cannot do without: a product above the lowest vector costs as much backward as forward, flash attention 2.5 times
 * as much, and the head once more for the expected embedding, which is its whole gradient.
 *
 * @param lowest trained layer
 */
export function floorOf(model: Model, packed: Pick<Packed, 'n' | 'ranges' | 'headRows'>, lowest: number): Floor {
  const { heads, headDim } = model.headShape;
  const product = (rows: number, { rows: n, columns }: Matrix) => 2 * rows * n * columns;
  const attention = 4 * attendedPairs(packed.ranges) * heads * headDim;
  const head = product(packed.headRows.length, model.lm_head);
  const layers = model.layers.map((layer) =>
    [layer.qkv_proj, layer.o_proj, layer.gate_up_proj, layer.down_proj].reduce(
      (sum, matrix) => sum + product(packed.n, matrix),
      0,
    ),
  );
  const sum = (list: readonly number[], perLayer: number) => list.reduce((a, b) => a + b + perLayer, 0);
  const above = layers.slice(lowest + 1);
  const again = above.map((work, i) => work - product(packed.n, (model.layers[lowest + 1 + i] as Layer).down_proj));
  const forward = sum(layers, attention) + head;
  const backward = sum(above, 2.5 * attention) + head;
  return {
    forward,
    training: forward + backward,
    recompute: forward + backward + sum(again, attention),
    kept: head + backward,
    reference: sum(above, attention) + head,
  };
}
