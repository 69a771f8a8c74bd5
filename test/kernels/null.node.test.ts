import { afterAll, describe, expect, it } from 'vitest';
import { create, globals } from 'webgpu';
import { blockBytes, WEIGHT_TYPES } from '../../src/gpu/blocks.ts';
import { Device } from '../../src/gpu/device.ts';
import { assemble, type Constants, type Kernel } from '../../src/gpu/kernel.ts';
import { SUBGROUP_MATRIX, subgroupMatrices } from '../../src/gpu/subgroup_matrix.ts';
import { definedKernels } from '../../src/kernels/index.ts';
import { matrixConfig } from '../../src/kernels/linear_matrix.ts';
import { LINEAR_VARIANTS, type LinearVariant } from '../../src/kernels/linear_variants.ts';
import type { KernelCase } from '../cases/case.ts';
import { runnableVariants } from '../cases/linear.ts';
import { prepareCase } from './driver.ts';

/**
 * Dawn's null backend validates what a GPU with every feature would be given, and computes nothing: modules that no adapter at hand
 * compiles, and the launches that lead to them.
 */
Object.assign(globalThis, globals);
const instance = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
const adapter = (await instance.requestAdapter()) as GPUAdapter;
const names = ['maxComputeWorkgroupStorageSize', 'maxStorageBuffersPerShaderStage', 'maxBufferSize'] as const;
const gpu = await adapter.requestDevice({
  requiredFeatures: [...adapter.features] as GPUFeatureName[],
  requiredLimits: Object.fromEntries(names.map((name) => [name, adapter.limits[name]])),
});
afterAll(() => {
  gpu.destroy();
  // Dawn frees its instance with the object that stands for it, and what was made from it then crashes.
  expect(instance.wgslLanguageFeatures).toBeDefined();
});

const CAPS = {
  adapter: 'null',
  isSoftware: false,
  f16: true,
  subgroups: true,
  subgroupMinSize: 4,
  subgroupMaxSize: 128,
  timestamp: false,
  maxInvocations: 256,
  maxWorkgroupStorage: adapter.limits.maxComputeWorkgroupStorageSize,
  maxStorageBuffers: 8,
  maxBinding: 2 ** 27,
  maxBuffer: adapter.limits.maxBufferSize,
};

/** What the compiler says of a module, or undefined. */
async function complaint(kernel: Kernel, constants: Constants, code: string): Promise<string | undefined> {
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ code });
  const error = await gpu.popErrorScope();
  if (!error) return undefined;
  const { messages } = await module.getCompilationInfo();
  const first = messages.find((m) => m.type === 'error');
  const line = first
    ? `line ${first.lineNum}: ${first.message}: ${code.split('\n')[first.lineNum - 1]}`
    : error.message;
  return `${kernel.name} ${JSON.stringify(constants)}: ${line}`;
}

describe('every module that launchers can produce', () => {
  it('is for an adapter that has all features', () => {
    for (const name of ['shader-f16', 'subgroups', SUBGROUP_MATRIX]) expect([...adapter.features]).toContain(name);
  });

  it.each(definedKernels().map((kernel) => [kernel.name, kernel] as const))('%s compiles', async (_, kernel) => {
    const complaints: string[] = [];
    for (const constants of kernel.variants ?? [{}]) {
      for (const type of kernel.readsWeight ? WEIGHT_TYPES : [undefined]) {
        const all: Constants =
          type && kernel.constantNames.includes('BLOCK_BYTES') ? { BLOCK_BYTES: blockBytes(type) } : {};
        const text = await complaint(kernel, constants, assemble(kernel, { ...constants, ...all }, type));
        if (text) complaints.push(`${type ?? ''} ${text}`);
      }
    }
    expect(complaints.slice(0, 3)).toEqual([]);
  });

  it('refuses a module that is wrong', async () => {
    const [kernel] = definedKernels() as [Kernel];
    expect(await complaint(kernel, {}, 'fn f() -> f32 { return 1u; }')).toMatch(/line 1: .*return 1u/);
  });
});

const CASES = import.meta.glob<{ cases?: (given: never) => KernelCase[] }>(
  ['../cases/*.ts', '!../cases/case.ts', '!../cases/shapes.ts'],
  { eager: true },
);

const product = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 };
const MATRICES = {
  configs: [product, { ...product, componentType: 'f32', M: 8, N: 8, K: 8 }],
  templated: true,
};

/** Launches a case; the device throws what validation says of its pipelines, bind groups and grids. */
async function launch(device: Device, c: KernelCase): Promise<void> {
  const prepared = prepareCase(device, c);
  c.run(device.recorder(), prepared.tensors, device);
  await device.sync();
  prepared.free();
}

describe('every case is launched without an error', () => {
  const kinds = [
    ['a GPU', {}],
    ['a GPU with matrix units', { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrix: MATRICES }],
    ['a GPU without subgroups', { subgroups: false }],
    ['a software adapter', { isSoftware: true, subgroupMaxSize: 4 }],
    ['a software adapter without subgroups', { isSoftware: true, subgroups: false }],
  ] as const;
  it.each(kinds)('on %s', async (_, given) => {
    const device = new Device(gpu, { ...CAPS, ...given });
    for (const [path, { cases }] of Object.entries(CASES)) {
      const needs = path.endsWith('/linear.ts') ? runnableVariants(device) : device.caps;
      for (const c of cases?.(needs as never) ?? []) await launch(device, c);
    }
  });
});

describe('matrix units', async () => {
  const matrices = await subgroupMatrices(gpu, adapter.info);

  it('are probed for the form of their built-ins', () => {
    expect(matrices).toMatchObject({ templated: true });
  });

  it('are used in the largest product that is summed in f32', () => {
    const config = (componentType: string, resultComponentType: string, M: number, N: number, K: number) => ({
      componentType,
      resultComponentType,
      M,
      N,
      K,
    });
    const of = (configs: ReturnType<typeof config>[]) => ({ ...CAPS, subgroupMatrix: { configs, templated: true } });
    const nvidia = of([
      config('f16', 'f16', 16, 16, 16),
      config('f16', 'f32', 16, 8, 8),
      config('f16', 'f32', 16, 16, 16),
      config('u8', 'u32', 16, 16, 32),
    ]);
    expect(matrixConfig(nvidia, 'f16')).toMatchObject({ M: 16, N: 16, K: 16, resultComponentType: 'f32' });
    expect(matrixConfig(nvidia, 'f32')).toBeUndefined();
    expect(matrixConfig(of([config('f32', 'f32', 8, 8, 8), config('f16', 'f16', 8, 8, 8)]), 'f16')).toBeUndefined();
    const fits = (name: LinearVariant, size: number) =>
      LINEAR_VARIANTS[name].runsOn({
        ...nvidia,
        subgroupMinSize: size,
        subgroupMaxSize: 32,
        maxInvocations: 1024,
        maxWorkgroupStorage: 49152,
      });
    expect(
      ['matrix_f16_64x64', 'matrix_f16_16x128', 'matrix_f16_128x128', 'matrix_f32_64x64'].map((name) =>
        fits(name as LinearVariant, 32),
      ),
    ).toEqual([true, true, true, false]);
    expect(fits('matrix_f16_64x64', 16)).toBe(false);
  });
});
