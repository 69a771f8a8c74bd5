import { UserError } from '../gpu/errors.ts';
import type { TrainConfig } from './config.ts';

/** @throws UserError for a layer that the model does not have. */
export function trainedLayers(layers: 'all' | readonly number[], count: number): ReadonlySet<number> {
  if (layers === 'all') return new Set(Array.from({ length: count }, (_, l) => l));
  const beyond = layers.find((l) => l >= count);
  if (beyond !== undefined)
    throw new UserError(`layers names layer ${beyond}, and the model has layers 0 to ${count - 1}.`);
  return new Set(layers);
}

/**
 * Factors on the learning rate by layer, [count], where layers have rates of their own: the course of the learning rate is
 * theirs too.
 * @throws UserError for a rate of a layer that is not trained, and for a list of another length than there are trained layers
 */
export function layerRates(
  config: Pick<TrainConfig, 'layers' | 'layer_learning_rates' | 'learning_rate'>,
  count: number,
): Float32Array | undefined {
  const { layers, layer_learning_rates: given, learning_rate: usual } = config;
  if (given === undefined) return undefined;
  const trained = [...trainedLayers(layers, count)].sort((a, b) => a - b);
  const rates = new Float32Array(count).fill(1);
  if (Array.isArray(given)) {
    if (given.length !== trained.length) {
      throw new UserError(
        `layer_learning_rates has ${given.length} entries, and ${trained.length} layers are trained. Give one for each, or name layers: {${trained[0] ?? 0}: ${usual}}.`,
      );
    }
    for (const [i, layer] of trained.entries()) rates[layer] = (given[i] as number) / usual;
    return rates;
  }
  for (const [layer, rate] of Object.entries(given)) {
    if (!trained.includes(Number(layer))) {
      throw new UserError(
        `layer_learning_rates names layer ${layer}, which is not trained (layers ${trained.join(', ')} are). Add it to layers, or leave it out.`,
      );
    }
    rates[Number(layer)] = rate / usual;
  }
  return rates;
}
