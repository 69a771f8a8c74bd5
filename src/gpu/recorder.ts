import type { Device } from './device.ts';
import type { Constants, Kernel, Params } from './kernel.ts';
import { roundUp, type Tensor } from './tensor.ts';

const SLOT = 256;
const SLOTS = 2048;

/**
 * Records dispatches and copies; `submit` sends them. Launchers only record. Every dispatch has a uniform slot of its
 * own, because `writeBuffer` takes effect before the whole submit.
 */
export class Recorder {
  readonly device: Device;
  readonly #staging = new ArrayBuffer(SLOT * SLOTS);
  readonly #view = new DataView(this.#staging);
  #slot = 0;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #pipeline: GPUComputePipeline | undefined;

  constructor(device: Device) {
    this.device = device;
  }

  /** Records one dispatch; a grid with a zero launches nothing. `grid` counts workgroups. */
  dispatch(
    kernel: Kernel,
    tensors: Readonly<Record<string, Tensor>>,
    params: Params,
    grid: readonly [number, number, number],
    constants: Constants = {},
  ): void {
    if (grid[0] === 0 || grid[1] === 0 || grid[2] === 0) return;
    if (this.#slot === SLOTS || this.device.profiler?.full) this.submit();
    const bound = kernel.bindingNames.map((name) => {
      const tensor = tensors[name];
      if (!tensor) throw new Error(`${kernel.name}: nothing is bound to ${name}`);
      return tensor;
    });
    const pipeline = this.device.pipelines.get(kernel, constants, bound);
    const offset = this.#slot * SLOT;
    this.#slot++;
    kernel.paramNames.forEach((name, i) => {
      const value = params[name];
      if (value === undefined) throw new Error(`${kernel.name}: parameter ${name} is missing`);
      const at = offset + 4 * i;
      if (kernel.params[name] === 'f32') this.#view.setFloat32(at, value, true);
      else this.#view.setUint32(at, value, true);
    });
    const pass = this.#openPass(kernel, params, constants);
    if (this.#pipeline !== pipeline.handle) {
      pass.setPipeline(pipeline.handle);
      this.#pipeline = pipeline.handle;
    }
    pass.setBindGroup(0, this.device.pipelines.bindGroup(pipeline, bound), [offset]);
    pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    this.device.counters.dispatches++;
    if (this.device.profiler) this.#closePass();
  }

  copy(
    source: Tensor,
    target: Tensor,
    bytes = Math.min(source.bytes, target.bytes),
    sourceOffset = 0,
    targetOffset = 0,
  ): void {
    if (bytes === 0) return;
    this.#closePass();
    this.#commands().copyBufferToBuffer(source.buffer, sourceOffset, target.buffer, targetOffset, bytes);
  }

  copyToStaging(source: Tensor, staging: GPUBuffer): void {
    if (source.bytes === 0) return;
    this.#closePass();
    this.#commands().copyBufferToBuffer(source.buffer, 0, staging, 0, roundUp(source.bytes, 4));
  }

  /** Zeroes a tensor. */
  clear(tensor: Tensor): void {
    if (tensor.bytes === 0) return;
    this.#closePass();
    this.#commands().clearBuffer(tensor.buffer, 0, Math.ceil(tensor.bytes / 4) * 4);
  }

  /** Sends everything recorded so far. The recorder can go on being used. */
  submit(): void {
    this.#closePass();
    const encoder = this.#encoder;
    if (!encoder) return;
    this.#encoder = undefined;
    const queue = this.device.gpu.queue;
    if (this.#slot > 0) queue.writeBuffer(this.device.uniforms, 0, this.#staging, 0, this.#slot * SLOT);
    this.#slot = 0;
    const afterSubmit = this.device.profiler?.resolve(encoder);
    queue.submit([encoder.finish()]);
    this.device.counters.submits++;
    afterSubmit?.();
  }

  static uniformBytes = SLOT * SLOTS;

  #commands(): GPUCommandEncoder {
    this.#encoder ??= this.device.gpu.createCommandEncoder();
    return this.#encoder;
  }

  #openPass(kernel: Kernel, params: Params, constants: Constants): GPUComputePassEncoder {
    if (this.#pass) return this.#pass;
    const profiler = this.device.profiler;
    if (profiler) {
      const cost = kernel.cost(params, { ...kernel.constants, ...constants });
      this.#pass = this.#commands().beginComputePass(profiler.passFor(kernel.name, cost.flops, cost.bytes));
    } else {
      this.#pass = this.#commands().beginComputePass();
    }
    return this.#pass;
  }

  #closePass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
  }
}
