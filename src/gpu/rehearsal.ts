import { type Capabilities, Device } from './device.ts';
import type { Tuning } from './tuning.ts';

/** The device that work will run on, as far as it is known: launchers fuse on some what on others takes a buffer more. */
export interface RehearsedDevice {
  readonly caps?: Partial<Capabilities>;
  readonly tuning?: Tuning;
}

/**
 * A device that takes everything and computes nothing: its buffers have a size and no content. The engine's own code run
 * on it tells the bytes that it will take (`arena.peakBytes`), size classes, recomputation and all.
 */
export function rehearsalDevice(like: RehearsedDevice = {}): Device {
  const maxBinding = Math.min(like.caps?.maxBinding ?? Number.POSITIVE_INFINITY, 2 ** 32 - 4);
  const caps = {
    isSoftware: false,
    f16: true,
    subgroups: true,
    subgroupMinSize: 4,
    subgroupMaxSize: 128,
    maxInvocations: 256,
    maxWorkgroupStorage: 32768,
    maxStorageBuffers: 8,
    ...like.caps,
    adapter: 'rehearsal',
    timestamp: false,
    maxBinding,
    maxBuffer: maxBinding,
  } satisfies Capabilities;
  return new Device(rehearsalGpu(), caps, { ...like, compileInBackground: false });
}

/** As much of WebGPU as recording and submitting use. */
function rehearsalGpu(): GPUDevice {
  const nothing = () => {};
  const handle = () => ({});
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const encoder = { beginComputePass: () => pass, copyBufferToBuffer: nothing, clearBuffer: nothing, finish: handle };
  return {
    lost: new Promise(nothing),
    queue: { writeBuffer: nothing, submit: nothing },
    createBuffer: ({ size }: { size: number }) => ({ size, destroy: nothing }),
    createBindGroup: handle,
    createBindGroupLayout: handle,
    createCommandEncoder: () => encoder,
    createComputePipeline: handle,
    createPipelineLayout: handle,
    createShaderModule: handle,
    pushErrorScope: nothing,
    popErrorScope: async () => null,
  } as unknown as GPUDevice;
}
