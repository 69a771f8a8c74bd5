import { now } from '#platform';
import type { Device } from './device.ts';
import type { Constants, Kernel, Params } from './kernel.ts';
import type { Pipeline } from './pipelines.ts';
import { Capture, type RecordedCopy, type RecordedDispatch, type Recording, SLOT } from './recording.ts';
import { roundUp, type Tensor } from './tensor.ts';
import { type Commands, LateCommands, type Pass } from './work_queue.ts';

const SLOTS = 2048;
const NO_CONSTANTS: Constants = {};

/** Slots of uniforms on the host; little-endian, as every machine with a GPU is. */
class Staging {
  readonly bytes = new ArrayBuffer(SLOT * SLOTS);
  readonly words = new Uint32Array(this.bytes);
  readonly floats = new Float32Array(this.bytes);
}

/**
 * Records dispatches and copies; `submit` sends them. Launchers only record. Every dispatch has a uniform slot of its
 * own, because `writeBuffer` takes effect before the whole submit.
 */
export class Recorder {
  readonly device: Device;
  /** Made for the first dispatch: recorders that only count or stay silent need none. */
  #staging: Staging | undefined;
  /** Of the dispatch that is being recorded; one array, so that a dispatch allocates none. */
  readonly #bound: Tensor[] = [];
  #slot = 0;
  #encoder: Commands | undefined;
  /** The same, where a pipeline of it is still being made. */
  #late: LateCommands | undefined;
  /** When its first command came, while a profiler wants to know. */
  #begun = 0;
  /** `Pipelines.compileMs` at that time. */
  #compiled = 0;
  /** Dispatches that the submits so far held. */
  #submitted = 0;
  #pass: Pass | undefined;
  #pipeline: Pipeline | undefined;
  #capture: Capture | undefined;
  /** Uniforms of recordings, and the recording whose they are now. */
  #pinned: GPUBuffer | undefined;
  /** How many recordings may still be sent with these uniforms. */
  readonly #holders = new Map<GPUBuffer, number>();
  #loaded: Recording | undefined;

  constructor(device: Device) {
    this.device = device;
  }

  /** Records one dispatch; a grid with a zero launches nothing. `grid` counts workgroups. */
  dispatch(
    kernel: Kernel,
    tensors: Readonly<Record<string, Tensor>>,
    params: Params,
    grid: readonly [number, number, number],
    constants: Constants = NO_CONSTANTS,
  ): void {
    if (grid[0] === 0 || grid[1] === 0 || grid[2] === 0) return;
    const { bindingNames } = kernel;
    const bound = this.#bound;
    bound.length = bindingNames.length;
    for (let i = 0; i < bindingNames.length; i++) {
      const tensor = tensors[bindingNames[i] as string];
      if (!tensor) throw new Error(`${kernel.name}: nothing is bound to ${bindingNames[i]}`);
      bound[i] = tensor;
    }
    const { pipelines } = this.device;
    const pipeline = pipelines.get(kernel, constants, bound);
    if (this.#capture) {
      const { words, floats, at } = this.#capture.add({ kernel, params, constants, pipeline, bound: [...bound], grid });
      writeParams(words, floats, at, kernel, params);
      return;
    }
    if (this.#slot === SLOTS || this.device.profiler?.full) this.submit();
    this.#await(pipeline);
    const offset = this.#slot * SLOT;
    this.#staging ??= new Staging();
    writeParams(this.#staging.words, this.#staging.floats, offset / 4, kernel, params);
    this.#slot++;
    const group = pipelines.bindGroup(pipeline, bound, this.device.uniforms);
    this.#send(kernel, params, constants, pipeline, group, offset, grid);
  }

  /**
   * Records what `work` dispatches and copies by `copyRows` without sending it; the pipelines and bind groups are made here.
   * What it copied otherwise or cleared would be sent at once, so it may do neither. Whoever is done with it says so: `release`.
   */
  capture(work: () => void): Recording {
    const capture = new Capture();
    this.#capture = capture;
    try {
      work();
    } finally {
      this.#capture = undefined;
    }
    const parameters = capture.parameters();
    const uniforms = this.#pinnedFor(parameters.length);
    this.#holders.set(uniforms, (this.#holders.get(uniforms) ?? 0) + 1);
    const commands = capture.commands.map((command): RecordedDispatch | RecordedCopy => {
      if (!('bound' in command)) return command;
      const { bound, ...rest } = command;
      return { ...rest, group: this.device.pipelines.bindGroup(rest.pipeline, bound, uniforms) };
    });
    return { commands, parameters, uniforms };
  }

  /** Sends a recording once more; `firstRow` is that of its copies' targets. */
  replay(recording: Recording, firstRow = 0): void {
    if (this.#loaded !== recording) {
      // What was recorded before must still see the uniforms of the recording before.
      this.submit();
      (this.device.profiler?.fenced ?? this.device.queue).writeBuffer(
        recording.uniforms,
        0,
        recording.parameters.buffer,
        0,
        recording.parameters.byteLength,
      );
      this.#loaded = recording;
    }
    let offset = 0;
    for (const command of recording.commands) {
      if ('target' in command) {
        this.#sendCopy(command, firstRow);
        continue;
      }
      const { kernel, params, constants, pipeline, group, grid } = command;
      if (this.device.profiler?.full) this.submit();
      this.#await(pipeline);
      this.#send(kernel, params, constants, pipeline, group, offset, grid);
      offset += SLOT;
    }
  }

  copy(
    source: Tensor,
    target: Tensor,
    bytes = Math.min(source.bytes, target.bytes),
    sourceOffset = 0,
    targetOffset = 0,
  ): void {
    if (bytes === 0) return;
    this.#endPass();
    this.#commands().copyBufferToBuffer(source.buffer, sourceOffset, target.buffer, targetOffset, bytes);
  }

  /**
   * Copies `rows` rows to the rows `firstRow` and on of a tensor with rows of as many bytes; in a recording `firstRow` is the
   * one that it is sent with.
   */
  copyRows(source: Tensor, target: Tensor, rows: number, firstRow: number): void {
    const bytes = source.bytes;
    if (bytes === 0) return;
    const copy = { source: source.buffer, target: target.buffer, bytes, rowBytes: bytes / rows };
    if (this.#capture) this.#capture.commands.push(copy);
    else this.#sendCopy(copy, firstRow);
  }

  copyToStaging(source: Tensor, staging: GPUBuffer): void {
    if (source.bytes === 0) return;
    this.#endPass();
    this.#commands().copyBufferToBuffer(source.buffer, 0, staging, 0, roundUp(source.bytes, 4));
  }

  /** Zeroes a tensor. */
  clear(tensor: Tensor): void {
    if (tensor.bytes === 0) return;
    this.#endPass();
    this.#commands().clearBuffer(tensor.buffer, 0, Math.ceil(tensor.bytes / 4) * 4);
  }

  /** Sends everything recorded so far. The recorder can go on being used. */
  submit(): void {
    this.#closePass();
    const encoder = this.#encoder;
    if (!encoder) return;
    // Of one that had failed before, or was told of by another read, this is all that tells.
    if (this.#late) this.device.expect(this.#late.compiled());
    this.#encoder = undefined;
    this.#late = undefined;
    const { profiler, counters } = this.device;
    const from = profiler ? now() : 0;
    const queue = profiler?.fenced ?? this.device.queue;
    if (this.#staging && this.#slot > 0) {
      queue.writeBuffer(this.device.uniforms, 0, this.#staging.bytes, 0, this.#slot * SLOT);
    }
    this.#slot = 0;
    queue.submit(encoder, profiler?.resolve(encoder));
    counters.submits++;
    const dispatches = counters.dispatches - this.#submitted;
    this.#submitted = counters.dispatches;
    if (profiler) {
      const compiling = this.device.pipelines.compileMs - this.#compiled;
      profiler.span('record', 'record', this.#begun, from, { dispatches, compiling });
      profiler.span('submit', 'submit', from, now(), { dispatches, allocated: this.device.arena.allocatedBytes });
    }
  }

  static uniformBytes = SLOT * SLOTS;

  #send(
    kernel: Kernel,
    params: Params,
    constants: Constants,
    pipeline: Pipeline,
    group: GPUBindGroup,
    offset: number,
    grid: readonly [number, number, number],
  ): void {
    const { profiler, counters } = this.device;
    const pass = this.#openPass(kernel, params, constants);
    if (this.#pipeline !== pipeline) {
      if (this.#late) this.#late.setPipeline(pipeline);
      else pass.setPipeline(pipeline.handle as GPUComputePipeline);
      this.#pipeline = pipeline;
    }
    pass.setBindGroup(0, group, [offset]);
    pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    counters.dispatches++;
    if (profiler?.timing) {
      this.#closePass();
      if (profiler.fenced) this.submit();
    }
  }

  #sendCopy({ source, target, bytes, rowBytes }: RecordedCopy, firstRow: number): void {
    this.#closePass();
    this.#commands().copyBufferToBuffer(source, 0, target, firstRow * rowBytes, bytes);
  }

  /** Says that a recording is not sent again. */
  release({ uniforms }: Recording): void {
    this.#holders.set(uniforms, (this.#holders.get(uniforms) ?? 0) - 1);
    if (uniforms !== this.#pinned) this.#destroyUnheld(uniforms);
  }

  /** Lets go of the uniforms of recordings: those that may be sent again keep theirs until they are released. */
  forget(): void {
    const pinned = this.#pinned;
    this.#pinned = undefined;
    this.#loaded = undefined;
    if (pinned) this.#destroyUnheld(pinned);
  }

  /** A buffer for the uniforms of recordings; one that has become too small stays with the recordings that use it. */
  #pinnedFor(bytes: number): GPUBuffer {
    const pinned = this.#pinned;
    if (pinned && pinned.size >= bytes) return pinned;
    const wider = this.device.createBuffer({
      label: 'uniforms of recordings',
      size: 2 ** Math.ceil(Math.log2(2 * bytes + 1)),
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#pinned = wider;
    if (pinned) this.#destroyUnheld(pinned);
    return wider;
  }

  #destroyUnheld(uniforms: GPUBuffer): void {
    if ((this.#holders.get(uniforms) ?? 0) > 0) return;
    this.#holders.delete(uniforms);
    // What is recorded may still use it.
    this.submit();
    this.device.profiler?.fenced?.flush();
    this.device.queue.destroy(uniforms);
  }

  /** Before each dispatch: where its pipeline is still being made, what was recorded before is sent without it. */
  #await(pipeline: Pipeline): void {
    // Timed by its submit, a dispatch shares it with no copy before it.
    if (this.device.profiler?.fenced) this.submit();
    if (pipeline.handle || this.#late) return;
    this.submit();
    this.#late = new LateCommands(this.device.gpu);
    this.#begin(this.#late);
  }

  #commands(): Commands {
    return this.#encoder ?? this.#begin(this.device.gpu.createCommandEncoder());
  }

  #begin(encoder: Commands): Commands {
    this.#encoder = encoder;
    if (this.device.profiler) {
      this.#begun = now();
      this.#compiled = this.device.pipelines.compileMs;
    }
    return encoder;
  }

  #openPass(kernel: Kernel, params: Params, constants: Constants): Pass {
    if (this.#pass) return this.#pass;
    this.#pass = this.#commands().beginComputePass(this.device.profiler?.passFor(kernel, params, constants));
    return this.#pass;
  }

  /** Before a copy, which a recording cannot hold. */
  #endPass(): void {
    if (this.#capture) throw new Error('what is sent many times copies rows alone (copyRows), and clears nothing');
    this.#closePass();
  }

  #closePass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
  }
}

/** Fills a slot of uniforms, of which `at` is the first word. */
function writeParams(words: Uint32Array, floats: Float32Array, at: number, kernel: Kernel, params: Params): void {
  const { paramNames, paramFloats } = kernel;
  for (let i = 0; i < paramNames.length; i++) {
    const value = params[paramNames[i] as string];
    if (value === undefined) throw new Error(`${kernel.name}: parameter ${paramNames[i]} is missing`);
    if (paramFloats[i]) floats[at + i] = value;
    else words[at + i] = value;
  }
}
