import { describe, expect, it, vi } from 'vitest';
import { createGPU } from '#platform';
import { Tape } from '../../src/autograd/tape.ts';
import { rehearsalDevice } from '../../src/gpu/rehearsal.ts';
import { numel } from '../../src/gpu/tensor.ts';
import { openLanguageModel } from '../../src/model/language_model.ts';
import { logProbabilities } from '../../src/model/log_probabilities.ts';
import { pack, uploadPacked } from '../../src/model/packing.ts';
import { tinyModel } from '../model/tiny_model.ts';
import { memoryFolder } from '../setup/files.ts';

const VOCAB = 40_000;

describe('a training pass', async () => {
  // For the names of buffer usages: nothing of it computes.
  await createGPU();

  for (const recompute of ['none', 'layer'] as const) {
    it(`never holds the logits of all tokens, recompute ${recompute}`, async () => {
      const device = rehearsalDevice({ caps: { maxBinding: 2 ** 31 } });
      const { model } = await openLanguageModel(
        device,
        memoryFolder('wide', tinyModel({ config: { vocab_size: VOCAB, num_hidden_layers: 3 } })),
      );
      const { arena } = device;
      const tokens = (length: number) => Array.from({ length }, (_, i) => i % VOCAB);
      const packed = pack([{ prompt: tokens(40), completions: [tokens(100), tokens(80)] }]);
      const vectors = arena.alloc([3, 8]);
      const held = arena.allocatedBytes;
      const alloc = vi.spyOn(arena, 'alloc');

      const tables = uploadPacked(device, packed);
      const tape = new Tape(device, { grad: vectors, layers: new Set([0, 1, 2]) });
      const steering = { tensor: vectors, scale: 1 };
      const logp = logProbabilities(tape, model, tables, { temperature: 1, recompute, steering });
      tape.backward(logp, { tensor: arena.alloc(logp.tensor.shape), references: 1 });
      tape.release(logp);

      const bytes = alloc.mock.calls.map(([shape]) => 4 * numel(shape));
      const all = 4 * tables.pairs.rows * VOCAB;
      expect(bytes.length).toBeGreaterThan(50);
      expect(Math.max(...bytes)).toBeLessThan(all / 4);
      // Not in pieces either.
      expect(arena.peakBytes - held).toBeLessThan(all / 2);
    });
  }
});
