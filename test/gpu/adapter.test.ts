import { describe, expect, it } from 'vitest';
import { createGPU } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { openDevice } from '../../src/gpu/open_device.ts';
import { testDevice } from '../setup/device.ts';

describe('the adapter', async () => {
  const device = await testDevice();

  it('grants at least what WebGPU promises everywhere', () => {
    expect(device.caps.maxBinding).toBeGreaterThanOrEqual(128 * 2 ** 20);
    expect(device.caps.maxInvocations).toBeGreaterThanOrEqual(256);
    expect(device.caps.maxStorageBuffers).toBeGreaterThanOrEqual(8);
    expect(device.caps.adapter).not.toBe('');
  });

  it('gives back the bytes that were uploaded', async () => {
    const values = Float32Array.from({ length: 257 }, (_, i) => Math.fround(Math.sin(i)));
    const tensor = device.upload(values, [257], 'f32', 'probe');
    expect(await device.read(tensor)).toEqual(values);
  });

  it('computes', async () => {
    const { gpu } = device;
    const module = gpu.createShaderModule({
      code: `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { out[id.x] = sqrt(f32(id.x)); }`,
    });
    const pipeline = await gpu.createComputePipelineAsync({ layout: 'auto', compute: { module } });
    const out = device.arena.alloc([64], 'f32', 'out');
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      gpu.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: out.buffer } }],
      }),
    );
    pass.dispatchWorkgroups(1);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    const result = await device.read(out);
    for (let i = 0; i < 64; i++) expect(result[i]).toBeCloseTo(Math.sqrt(i), 5);
  });
});

it('an adapter that offers too little is refused with each limit, its value and what is needed', async () => {
  const gpu = await createGPU();
  const real = (await gpu.requestAdapter()) as GPUAdapter;
  const limits = { maxStorageBuffersPerShaderStage: 4, maxBufferSize: 2 ** 40, maxStorageBufferBindingSize: 2 ** 27 };
  const weak = {
    info: real.info,
    limits: {
      ...limits,
      maxComputeInvocationsPerWorkgroup: 128,
      maxComputeWorkgroupSizeX: 256,
      maxComputeWorkgroupStorageSize: 16384,
    },
  };
  const refused = openDevice({ requestAdapter: async () => weak } as unknown as GPU);
  await expect(refused).rejects.toThrow(UserError);
  await expect(refused).rejects.toThrow(
    /maxStorageBuffersPerShaderStage is 4 where 8 is needed; maxComputeInvocationsPerWorkgroup is 128 where 256 is needed\. .*still works/,
  );
});
