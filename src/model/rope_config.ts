import { inJson } from '../gpu/shown.ts';
import { ConfigKeys } from './config_keys.ts';

/** Positions divided by a factor (transformers, `_compute_linear_scaling_rope_parameters`). */
interface LinearRopeScaling {
  readonly rope_type: 'linear';
  readonly factor: number;
}

/** Llama 3.1's stretched rotary frequencies (transformers, `_compute_llama3_parameters`). */
export interface Llama3RopeScaling {
  readonly rope_type: 'llama3';
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

export type RopeScaling = LinearRopeScaling | Llama3RopeScaling;

/**
 * What config.json says about rotary embeddings: `rope_theta` and `rope_scaling`, or `rope_parameters` since transformers 5.
 * @throws UserError naming the key, for a kind of scaling that is not computed
 */
export function parseRope(
  config: ConfigKeys,
  maxPositions: number,
): { readonly rope_theta: number; readonly rope_scaling?: RopeScaling } {
  const given = ['rope_parameters', 'rope_scaling'].filter((key) => config.value(key) !== undefined);
  if (given.length > 1) {
    throw config.error('rope_scaling', 'is given beside rope_parameters, which takes its place. Keep one of them.');
  }
  const key = given[0] ?? 'rope_parameters';
  const rope = new ConfigKeys(config.value(key) ?? {}, config.where, `${key}.`);
  for (const keys of [config, rope]) {
    const part = keys.value('partial_rotary_factor') ?? 1;
    if (part !== 1) {
      throw keys.error('partial_rotary_factor', `is ${inJson(part)}. Supported: 1.`);
    }
  }
  for (const nested of ['full_attention', 'sliding_attention']) {
    if (rope.value(nested) !== undefined) {
      throw rope.error(nested, 'is given: rotary embeddings that differ between layers are not supported.');
    }
  }
  const rope_theta =
    rope.value('rope_theta') === undefined ? config.positive('rope_theta', 10000) : rope.positive('rope_theta');
  const rope_scaling = parseScaling(rope, maxPositions);
  return { rope_theta, ...(rope_scaling && { rope_scaling }) };
}

function parseScaling(rope: ConfigKeys, maxPositions: number): RopeScaling | undefined {
  const type = rope.value('rope_type') ?? rope.value('type') ?? 'default';
  if (type === 'default') {
    return undefined;
  }
  if (type === 'linear') {
    return { rope_type: 'linear', factor: rope.positive('factor') };
  }
  if (type !== 'llama3') {
    throw rope.error(
      'rope_type',
      `is ${inJson(type)}. Supported: default, linear, llama3. If it was added to stretch the context of a model that was ` +
        'trained without it, take it out.',
    );
  }
  const scaling: Llama3RopeScaling = {
    rope_type: 'llama3',
    factor: rope.positive('factor'),
    low_freq_factor: rope.positive('low_freq_factor'),
    high_freq_factor: rope.positive('high_freq_factor'),
    original_max_position_embeddings: rope.count('original_max_position_embeddings', maxPositions),
  };
  if (scaling.high_freq_factor <= scaling.low_freq_factor) {
    throw rope.error(
      'high_freq_factor',
      `is ${scaling.high_freq_factor}, not above low_freq_factor ${scaling.low_freq_factor}.`,
    );
  }
  return scaling;
}
