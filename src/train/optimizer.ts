import type { Device } from '../gpu/device.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { adamw, gradNorm, gradNormPartials } from '../kernels/adamw.ts';
import type { OptimizerState } from './checkpoint.ts';

interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** The gradient of all vectors together is scaled down to this norm. */
  readonly maxGradNorm: number;
  /** [L]: factors on the learning rate by layer. */
  readonly rates?: Float32Array | undefined;
}

/** The steering vectors with AdamW's two moments (Loshchilov & Hutter 2019), without decay; everything is [L, C] f32. */
export class Optimizer {
  readonly vectors: Tensor;
  readonly grad: Tensor;
  readonly expAvg: Tensor;
  readonly expAvgSq: Tensor;
  /** Updates done; the bias corrections count from it. */
  step = 0;
  readonly #device: Device;
  readonly #options: AdamWOptions;
  readonly #norm: Tensor;
  readonly #rates: Tensor | undefined;
  readonly #partial: Tensor;

  constructor(device: Device, layers: number, hiddenSize: number, options: AdamWOptions) {
    this.#device = device;
    this.#options = options;
    const shape = [layers, hiddenSize];
    const zeros = (label: string) => device.upload(new Float32Array(layers * hiddenSize), shape, 'f32', label);
    this.vectors = zeros('steering');
    this.grad = zeros('d steering');
    this.expAvg = zeros('exp_avg');
    this.expAvgSq = zeros('exp_avg_sq');
    this.#rates = options.rates && device.upload(options.rates, [layers], 'f32', 'layer rates');
    this.#norm = device.arena.alloc([1], 'f32', 'grad_norm');
    this.#partial = device.arena.alloc([gradNormPartials(layers * hiddenSize)], 'f32', 'grad_norm partial');
  }

  zeroGrad(): void {
    this.#device.recorder().clear(this.grad);
  }

  /** Clips and updates; reads back the gradient's norm before the clip, and the new state as a checkpoint keeps it. */
  async update(learningRate: number): Promise<{ gradNorm: number; state: OptimizerState }> {
    this.step++;
    const rec = this.#device.recorder();
    const { beta1, beta2, epsilon, maxGradNorm } = this.#options;
    gradNorm(rec, { grad: this.grad, partial: this.#partial, norm: this.#norm });
    adamw(
      rec,
      { param: this.vectors, grad: this.grad, m: this.expAvg, v: this.expAvgSq, norm: this.#norm, rates: this.#rates },
      { lr: learningRate, beta1, beta2, eps: epsilon, weightDecay: 0, step: this.step, maxNorm: maxGradNorm },
    );
    const read = await this.#device.readBytes([this.#norm, this.vectors, this.expAvg, this.expAvgSq]);
    const [norm, vectors, expAvg, expAvgSq] = read.map((bytes) => new Float32Array(bytes.buffer)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return { gradNorm: norm[0] as number, state: { vectors, expAvg, expAvgSq } };
  }

  restore(state: OptimizerState, step: number): void {
    this.#device.write(this.vectors, state.vectors);
    this.#device.write(this.expAvg, state.expAvg);
    this.#device.write(this.expAvgSq, state.expAvgSq);
    this.step = step;
  }

  dispose(): void {
    for (const tensor of [
      this.vectors,
      this.grad,
      this.expAvg,
      this.expAvgSq,
      this.#norm,
      this.#partial,
      this.#rates,
    ]) {
      if (tensor) this.#device.arena.free(tensor);
    }
  }
}
