import { isWeightType, type WeightType } from './blocks.ts';
import type { Device } from './device.ts';
import { GpuError } from './errors.ts';
import { assemble, type Constants, type Kernel, readsWeight } from './kernel.ts';
import { SLOT } from './recording.ts';
import type { Tensor } from './tensor.ts';

export interface Pipeline {
  readonly id: number;
  readonly handle: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Pipelines by variant and bind groups by buffers, each made once. */
export class Pipelines {
  readonly #device: Device;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #keysOfBuffer = new Map<number, string[]>();
  readonly #bufferIds = new WeakMap<GPUBuffer, number>();
  #nextBuffer = 0;
  #nextPipeline = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  get(kernel: Kernel, constants: Constants, bound: readonly Tensor[]): Pipeline {
    let key = kernel.name;
    for (const name in constants) key += `,${name}=${constants[name]}`;
    let weight: WeightType | undefined;
    if (readsWeight(kernel)) {
      const { dtype } = bound[kernel.bindingNames.indexOf('weight')] as Tensor;
      if (!isWeightType(dtype)) throw new Error(`${kernel.name}: ${dtype} is no type of a frozen matrix`);
      weight = dtype;
      key += `,${weight}`;
    }
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#create(kernel, constants, weight, key);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** @param uniforms where the slots are, by a dynamic offset */
  bindGroup(pipeline: Pipeline, bound: readonly Tensor[], uniforms: GPUBuffer): GPUBindGroup {
    let key = `${pipeline.id}:${this.#idOf(uniforms)}`;
    for (const tensor of bound) key += `:${this.#idOf(tensor.buffer)}`;
    let group = this.#groups.get(key);
    if (!group) {
      this.#device.counters.bindGroups++;
      group = this.#device.gpu.createBindGroup({
        layout: pipeline.layout,
        entries: [
          { binding: 0, resource: { buffer: uniforms, size: SLOT } },
          ...bound.map((tensor, i) => ({ binding: i + 1, resource: { buffer: tensor.buffer } })),
        ],
      });
      this.#groups.set(key, group);
      for (const tensor of bound) this.#keysOfBuffer.get(this.#idOf(tensor.buffer))?.push(key);
    }
    return group;
  }

  /** Drops the bind groups of a buffer that is about to be destroyed. */
  forget(buffer: GPUBuffer): void {
    const id = this.#bufferIds.get(buffer);
    if (id === undefined) return;
    for (const key of this.#keysOfBuffer.get(id) ?? []) this.#groups.delete(key);
    this.#keysOfBuffer.delete(id);
  }

  #idOf(buffer: GPUBuffer): number {
    let id = this.#bufferIds.get(buffer);
    if (id === undefined) {
      id = this.#nextBuffer++;
      this.#bufferIds.set(buffer, id);
      this.#keysOfBuffer.set(id, []);
    }
    return id;
  }

  #create(kernel: Kernel, constants: Constants, weight: WeightType | undefined, key: string): Pipeline {
    const { gpu, caps } = this.#device;
    for (const feature of kernel.features ?? []) {
      if (!caps[feature]) throw new GpuError(`${kernel.name} needs ${feature}, which ${caps.adapter} does not offer`);
    }
    this.#device.counters.pipelines++;
    const code = assemble(kernel, constants, weight);
    const layout = gpu.createBindGroupLayout({
      label: kernel.name,
      entries: [
        { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } },
        ...kernel.bindingNames.map((name, i) => ({
          binding: i + 1,
          visibility: GPUShaderStage.COMPUTE,
          buffer: {
            type: (kernel.bindings[name]?.startsWith('read_write')
              ? 'storage'
              : 'read-only-storage') as GPUBufferBindingType,
          },
        })),
      ],
    });
    gpu.pushErrorScope('validation');
    const module = gpu.createShaderModule({ label: key, code });
    const handle = gpu.createComputePipeline({
      label: key,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: kernel.entry },
    });
    this.#device.expect(
      gpu.popErrorScope().then(async (error) => {
        if (!error) return;
        // So that the next use says what is wrong again.
        this.#pipelines.delete(key);
        throw new GpuError(await describe(key, code, module, error));
      }),
    );
    return { id: this.#nextPipeline++, handle, layout };
  }
}

/** The compiler's messages, each with three lines of source around it. */
async function describe(key: string, code: string, module: GPUShaderModule, error: GPUError): Promise<string> {
  const { messages } = await module.getCompilationInfo();
  const lines = code.split('\n');
  const shown = messages
    .filter((m) => m.type === 'error')
    .map((m) => {
      const from = Math.max(0, m.lineNum - 4);
      const around = lines.slice(from, m.lineNum + 3).map((line, i) => {
        const number = from + i + 1;
        return `${number === m.lineNum ? '>' : ' '} ${String(number).padStart(4)} | ${line}`;
      });
      return `line ${m.lineNum}: ${m.message}\n${around.join('\n')}`;
    });
  const detail = shown.length > 0 ? shown.join('\n\n') : error.message;
  return `${key} did not compile (see the whole source with: trimtab doctor --dump-wgsl DIR)\n${detail}`;
}
