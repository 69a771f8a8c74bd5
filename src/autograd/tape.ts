import type { Device } from '../gpu/device.ts';
import type { Recorder } from '../gpu/recorder.ts';
import { DTYPE_BYTES, type ElementType, numel, type Tensor } from '../gpu/tensor.ts';
import { type Node, RULES } from './rules.ts';
import { SilentRecorder } from './silent_recorder.ts';
import type { Gradient, Value } from './value.ts';

/** Where the steering gradients go, and which layers train. */
export interface SteeringTarget {
  /** [L, C], f32; a layer's row is added to when its residual addition is differentiated. */
  readonly grad: Tensor;
  readonly layers: ReadonlySet<number>;
}

/** Takes what a backward pass will read of a forward pass, in the order in which it is made; the last is the pass's result. */
export interface ActivationSink {
  /** `isResult`: the pass's result. What is taken and borrowed may be changed by what is recorded next; of other values the sink may hold references. */
  take(tape: Tape, value: Value, isResult?: boolean): void;
  /** Nothing follows. */
  end(tape: Tape): void;
}

/** Gives back what a sink took: `index` counts the values in its order. The tensor belongs to the caller. */
export interface ActivationSource {
  give(tape: Tape, index: number): Tensor;
}

/**
 * Records what lies between a trained vector and the loss, and nothing else: an operation none of whose inputs needs a
 * gradient leaves no trace and keeps no tensor. Leaves that train are the steering vectors only; no weight gradient
 * exists. A tape without a target records nothing at all, which is inference.
 */
export class Tape {
  readonly device: Device;
  readonly target: SteeringTarget | undefined;
  #rec: Recorder;
  readonly #nodes: Node[] = [];
  readonly #gradients = new Map<Value, Gradient>();
  #sink: ActivationSink | undefined;
  #source: ActivationSource | undefined;
  #replaying = false;
  /** Whether the operations run again, their results being known, so that the backward pass has what it reads. */
  readonly #again: boolean;
  /** Places in the order of a sink or source. */
  readonly #places = new Map<Value, number>();

  constructor(device: Device, target?: SteeringTarget, o: { again?: boolean } = {}) {
    this.device = device;
    this.#again = o.again ?? false;
    this.#rec = device.recorder();
    this.target = target;
  }

  /** Where operations record their dispatches. */
  get rec(): Recorder {
    return this.#rec;
  }

  /** Whether what the backward pass reads is handed to a sink: there is no backward pass on this tape. */
  get keeps(): boolean {
    return this.#sink !== undefined;
  }

  /**
   * Runs `forward` and hands everything that its backward pass would read to `sink`, its result last; keeps nothing. With
   * a target that has the same layers, `replay` of the same code finds the same values in the same order.
   */
  keep(sink: ActivationSink, forward: () => Value): Value {
    this.#sink = sink;
    const out = forward();
    sink.take(this, out, true);
    sink.end(this);
    this.#sink = undefined;
    this.#places.clear();
    return this.adopt(out.tensor, false);
  }

  /**
   * Runs `forward` without computing: its operations leave their nodes and launch nothing. The result is there at once,
   * what the rules read is taken from `source` when their turn comes.
   */
  replay(source: ActivationSource, forward: () => Value): Value {
    this.#source = source;
    this.#rec = new SilentRecorder(this.device);
    this.#replaying = true;
    const out = forward();
    this.#replaying = false;
    this.#rec = this.device.recorder();
    this.#places.set(out, this.#places.size);
    this.#fill(out);
    return out;
  }

  /** Runs `forward`, whose results no rule reads: where operations run again it leaves its nodes and launches nothing. */
  unread<T>(forward: () => T): T {
    if (!this.#again) return forward();
    const rec = this.#rec;
    this.#rec = new SilentRecorder(this.device);
    const out = forward();
    this.#rec = rec;
    return out;
  }

  /** A fresh value, owned by the caller until `release`. */
  value(shape: readonly number[], label: string, requiresGrad: boolean, dtype: ElementType = 'f32'): Value {
    if (this.#replaying) return this.borrow(withoutBuffer(shape, label, dtype), requiresGrad);
    return this.adopt(this.device.arena.alloc(shape, dtype, label), requiresGrad);
  }

  /** Makes a value of a tensor that the tape is to free when nobody needs it any more. */
  adopt(tensor: Tensor, requiresGrad: boolean): Value {
    return { tensor, requiresGrad: requiresGrad && this.target !== undefined, references: 1, owned: true };
  }

  /** Makes a value of a tensor that belongs to somebody else. */
  borrow(tensor: Tensor, requiresGrad = false): Value {
    return { tensor, requiresGrad: requiresGrad && this.target !== undefined, references: 1, owned: false };
  }

  retain(value: Value): Value {
    value.references++;
    return value;
  }

  release(...values: (Value | undefined)[]): void {
    for (const value of values) {
      if (!value) continue;
      value.references--;
      if (value.references < 0) throw new Error(`${value.tensor.label} was released once too often`);
      if (value.references === 0 && value.owned) this.device.arena.free(value.tensor);
    }
  }

  /** Keeps the node for the backward pass if its output needs a gradient; retains what its rule will read, and no more. */
  record(node: Node): void {
    if (!node.out.requiresGrad) return;
    if (this.#sink || this.#replaying) for (const value of node.saved) this.#place(value);
    if (this.#sink) return;
    for (const value of node.saved) this.retain(value);
    this.#nodes.push(node);
  }

  /**
   * Runs the rules from the last node to the first. `dout` is the gradient of `root`; one reference to it belongs to the
   * tape from here on. Afterwards the steering target holds its gradients and nothing of the forward pass is kept.
   */
  backward(root: Value, dout: Gradient): void {
    this.#gradients.set(root, dout);
    for (let node = this.#nodes.pop(); node; node = this.#nodes.pop()) {
      const gradient = this.#gradients.get(node.out);
      if (gradient) {
        this.#gradients.delete(node.out);
        const rule = RULES[node.op] as (tape: Tape, node: Node, dout: Gradient) => void;
        if (!rule) throw new Error(`there is no gradient rule for ${node.op}`);
        for (const value of node.saved) this.#fill(value);
        rule(this, node, gradient);
        this.dropGradient(gradient);
      }
      this.release(...node.saved);
    }
  }

  /** The gradient that arrived at a leaf, handed to the caller. */
  takeGradient(value: Value): Gradient | undefined {
    const gradient = this.#gradients.get(value);
    this.#gradients.delete(value);
    return gradient;
  }

  /** Gives `value` the gradient too, without a copy: it is copied only if somebody must add to it. */
  shareGradient(value: Value, gradient: Gradient): void {
    if (!value.requiresGrad) return;
    if (this.#gradients.has(value))
      throw new Error(`${value.tensor.label} already has a gradient: sharing would lose it`);
    gradient.references++;
    this.#gradients.set(value, gradient);
  }

  /** Where to write the gradient of `value`, and whether to add to what is there. */
  gradientOf(value: Value): { tensor: Tensor; accumulate: boolean } {
    let gradient = this.#gradients.get(value);
    if (!gradient) {
      gradient = {
        tensor: this.device.arena.alloc(value.tensor.shape, 'f32', `d ${value.tensor.label}`),
        references: 1,
      };
      this.#gradients.set(value, gradient);
      return { tensor: gradient.tensor, accumulate: false };
    }
    if (gradient.references > 1) {
      const own = this.device.arena.alloc(value.tensor.shape, 'f32', `d ${value.tensor.label}`);
      this.rec.copy(gradient.tensor, own);
      gradient.references--;
      gradient = { tensor: own, references: 1 };
      this.#gradients.set(value, gradient);
    }
    return { tensor: gradient.tensor, accumulate: true };
  }

  /** Gives up one reference to a gradient. */
  dropGradient(gradient: Gradient): void {
    gradient.references--;
    if (gradient.references === 0) this.device.arena.free(gradient.tensor);
  }

  /** The first who saves a value decides its place. */
  #place(value: Value): void {
    if (this.#places.has(value)) return;
    this.#places.set(value, this.#places.size);
    this.#sink?.take(this, value);
  }

  /** Gives a replayed value its tensor. */
  #fill(value: Value): void {
    const place = this.#places.get(value);
    if (place === undefined || !this.#source) return;
    this.#places.delete(value);
    value.tensor = this.#source.give(this, place);
    value.owned = true;
  }
}

/** A shape without content: what an operation that is replayed is said to have made. */
function withoutBuffer(shape: readonly number[], label: string, dtype: ElementType): Tensor {
  return { buffer: undefined as unknown as GPUBuffer, shape, dtype, bytes: numel(shape) * DTYPE_BYTES[dtype], label };
}
