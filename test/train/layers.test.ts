import { describe, expect, it } from 'vitest';
import { layerRates, trainedLayers } from '../../src/train/layers.ts';

describe('layers', () => {
  it('are all, or those that are named, and none that the model does not have', () => {
    expect([...trainedLayers('all', 3)]).toEqual([0, 1, 2]);
    expect([...trainedLayers([2], 3)]).toEqual([2]);
    expect(() => trainedLayers([1, 3], 3)).toThrow('layers names layer 3, and the model has layers 0 to 2.');
  });

  it('have factors on the learning rate by name or in order, lowest trained layer first', () => {
    const of = (given: Record<string, number> | number[] | undefined, layers: 'all' | number[] = 'all') =>
      layerRates({ layers, layer_learning_rates: given, learning_rate: 0.5 }, 3);
    expect(of(undefined)).toBeUndefined();
    expect(of({ 1: 0.25 })).toEqual(Float32Array.of(1, 0.5, 1));
    expect(of([0.25, 1], [2, 0])).toEqual(Float32Array.of(0.5, 1, 2));
    expect(() => of([0.1])).toThrow('layer_learning_rates has 1 entries, and 3 layers are trained.');
    expect(() => of({ 1: 0.1 }, [0, 2])).toThrow('names layer 1, which is not trained (layers 0, 2 are)');
  });
});
