import { describe, expect, it } from 'vitest';
import { allVariants } from '../../src/kernels/index.ts';
import { testDevice } from '../setup/device.ts';

describe('all shader variants', async () => {
  const device = await testDevice();
  const variants = allVariants();

  it('have unique names that are fit for files', () => {
    const names = variants.map((variant) => variant.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9_.]+$/);
  });

  it('include every shader of the repository', () => {
    const files = import.meta.glob('../../shaders/*.wgsl', { query: '?raw', import: 'default', eager: true });
    const used = new Set(variants.map((variant) => variant.kernel.source));
    expect(
      Object.entries(files)
        .filter(([, text]) => !used.has(text as string))
        .map(([file]) => file),
    ).toEqual([]);
  });

  for (const { name, wgsl, kernel } of variants) {
    const missing = (kernel.features ?? []).filter((feature) => !device.caps[feature]);
    it.skipIf(missing.length > 0)(`${name} compiles`, async () => {
      const module = device.gpu.createShaderModule({ label: name, code: wgsl });
      const { messages } = await module.getCompilationInfo();
      expect(messages.filter((m) => m.type === 'error').map((m) => `line ${m.lineNum}: ${m.message}`)).toEqual([]);
      // A CPU adapter takes seconds to translate an unrolled kernel, and each kernel's own tests do so anyway.
      if (device.caps.isSoftware) return;
      await device.gpu.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: kernel.entry } });
    });
  }
});
