import { now } from '#platform';
import { isWeightType, type WeightType } from './blocks.ts';
import type { Device } from './device.ts';
import { GpuError } from './errors.ts';
import { assemble, type Constants, type Kernel } from './kernel.ts';
import { SLOT } from './recording.ts';
import type { Tensor } from './tensor.ts';

type Constant = number | boolean | string;

/** Bind groups by their first buffer, then the second, and so on: what is destroyed leaves with its buffers. */
type Groups = WeakMap<GPUBuffer, Groups | GPUBindGroup>;

/** One variant of a kernel. */
export interface Pipeline {
  /** Undefined while it is being made, and where it failed to be. */
  readonly handle: GPUComputePipeline | undefined;
  /** Settles, and never rejects, when it is made or failed to be. */
  readonly making: Promise<void>;
  readonly failure: Error | undefined;
  readonly layout: GPUBindGroupLayout;
  /** In the order of `kernel.constantNames`. */
  readonly constants: readonly Constant[];
  readonly weight: WeightType | undefined;
  readonly groups: Groups;
}

/** One that is being made. */
type Making = { -readonly [K in keyof Pipeline]: Pipeline[K] };

/**
 * Pipelines by variant and bind groups by buffers, each made once. Both are looked up for every dispatch, so nothing is
 * put together to do it: a variant is found among the few of its kernel, a bind group by the identity of its buffers.
 */
export class Pipelines {
  readonly #device: Device;
  /** Of each kernel, the most recent first. */
  readonly #variants = new Map<Kernel, Pipeline[]>();
  /** Milliseconds for which pipelines that are not made in the background held up what came after them. */
  compileMs = 0;
  readonly #inBackground: boolean;

  constructor(device: Device, inBackground: boolean) {
    this.#device = device;
    this.#inBackground = inBackground;
  }

  get(kernel: Kernel, constants: Constants, bound: readonly Tensor[]): Pipeline {
    let variants = this.#variants.get(kernel);
    if (!variants) {
      variants = [];
      this.#variants.set(kernel, variants);
    }
    const weight = kernel.readsWeight ? weightOf(kernel, bound) : undefined;
    for (let i = 0; i < variants.length; i++) {
      const variant = variants[i] as Pipeline;
      if (variant.weight === weight && hasConstants(kernel, variant, constants)) return variant;
    }
    const made = this.#create(kernel, constants, weight, variants);
    variants.unshift(made);
    return made;
  }

  /** @param uniforms where the slots of uniforms are, reached by a dynamic offset */
  bindGroup(pipeline: Pipeline, bound: readonly Tensor[], uniforms: GPUBuffer): GPUBindGroup {
    const last = bound.length - 1;
    let groups = pipeline.groups;
    for (let i = -1; i < last; i++) {
      const buffer = i < 0 ? uniforms : (bound[i] as Tensor).buffer;
      let next = groups.get(buffer) as Groups | undefined;
      if (!next) {
        next = new WeakMap();
        groups.set(buffer, next);
      }
      groups = next;
    }
    const { buffer } = bound[last] as Tensor;
    let group = groups.get(buffer) as GPUBindGroup | undefined;
    if (!group) {
      this.#device.counters.bindGroups++;
      group = this.#device.gpu.createBindGroup({
        layout: pipeline.layout,
        entries: [
          { binding: 0, resource: { buffer: uniforms, size: SLOT } },
          ...bound.map((tensor, i) => ({ binding: i + 1, resource: { buffer: tensor.buffer } })),
        ],
      });
      groups.set(buffer, group);
    }
    return group;
  }

  #create(kernel: Kernel, constants: Constants, weight: WeightType | undefined, variants: Pipeline[]): Pipeline {
    const { gpu, caps } = this.#device;
    const odd = Object.keys(constants).find((name) => !kernel.constantNames.includes(name));
    if (odd !== undefined) throw new Error(`${kernel.name} declares no constant ${odd}`);
    const key = [kernel.name, ...Object.entries(constants).map((pair) => pair.join('=')), weight]
      .filter((part) => part !== undefined)
      .join();
    for (const feature of kernel.features ?? []) {
      if (!caps[feature]) throw new GpuError(`${kernel.name} needs ${feature}, which ${caps.adapter} does not offer`);
    }
    this.#device.counters.pipelines++;
    const from = now();
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
    const descriptor = {
      label: key,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: kernel.entry },
    };
    const pipeline: Making = {
      handle: undefined,
      making: Promise.resolve(),
      failure: undefined,
      layout,
      constants: kernel.constantNames.map((name, i) => constants[name] ?? (kernel.constantValues[i] as Constant)),
      weight,
      groups: new WeakMap(),
    };
    // A profile tells what each pipeline takes, so it is made alone.
    const later = this.#inBackground && !this.#device.profiler ? gpu.createComputePipelineAsync(descriptor) : undefined;
    if (!later) pipeline.handle = gpu.createComputePipeline(descriptor);
    const made = later?.then(
      (handle) => {
        pipeline.handle = handle;
      },
      (error: GPUPipelineError) => error,
    );
    const errors = [gpu.popErrorScope(), made];
    if (!later) {
      const to = now();
      this.compileMs += to - from;
      this.#device.profiler?.span('compile', key, from, to);
    }
    const checked = Promise.all(errors).then(async (outcomes) => {
      const error = outcomes.find((outcome) => outcome);
      if (!error) return;
      // So that the next use says what is wrong again.
      variants.splice(variants.indexOf(pipeline), 1);
      pipeline.failure = new GpuError(await describe(key, code, module, error));
      throw pipeline.failure;
    });
    pipeline.making = checked.catch(() => {});
    this.#device.expect(checked);
    return pipeline;
  }
}

function weightOf(kernel: Kernel, bound: readonly Tensor[]): WeightType {
  const { dtype } = bound[kernel.bindingNames.indexOf('weight')] as Tensor;
  if (!isWeightType(dtype)) throw new Error(`${kernel.name}: ${dtype} is no type of a frozen matrix`);
  return dtype;
}

function hasConstants(kernel: Kernel, variant: Pipeline, constants: Constants): boolean {
  const { constantNames, constantValues } = kernel;
  for (let i = 0; i < constantNames.length; i++) {
    const value = constants[constantNames[i] as string] ?? constantValues[i];
    if (value !== variant.constants[i]) return false;
  }
  return true;
}

/** The compiler's messages, each with three lines of source around it. */
async function describe(
  key: string,
  code: string,
  module: GPUShaderModule,
  error: { readonly message: string },
): Promise<string> {
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
