import { createRequire } from 'node:module';
import type { Contestant, Peer } from './contestant.ts';
import { EPSILON, errorOf, type Problem } from './problems.ts';
import { ADAMW, ADAMW_ROOT, ADAMW_STEP_SIZE } from './training_problems.ts';

type Tfjs = typeof import('@tensorflow/tfjs-core');
type Tensor = import('@tensorflow/tfjs-core').Tensor;

/** What of the backend is needed to send what it has gathered and to wait for it. */
interface Backend {
  readonly queue: GPUQueue;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** TensorFlow.js on its WebGPU backend. Undefined where it is not installed or does not start. */
export async function tfjsPeer(): Promise<Peer | undefined> {
  // Its ES modules do not resolve in Node, and it looks for a browser.
  const require = createRequire(import.meta.url);
  Object.assign(globalThis, { window: globalThis });
  try {
    const tf = require('@tensorflow/tfjs-core') as Tfjs;
    require('@tensorflow/tfjs-backend-webgpu');
    if (!(await tf.setBackend('webgpu'))) return undefined;
    await tf.ready();
    return { impl: 'tfjs', prepare: async (problem, inputs) => prepare(tf, problem, inputs) };
  } catch {
    return undefined;
  }
}

function prepare(tf: Tfjs, p: Problem, inputs: Record<string, Float32Array>): Contestant {
  const { args, compute } = computation(tf, p, inputs);
  const backend = tf.backend() as unknown as Backend;
  return {
    impl: 'tfjs',
    async batch(times) {
      for (let i = 0; i < times; i++) tf.dispose(tf.tidy(compute));
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      backend.submitQueue();
      await backend.queue.onSubmittedWorkDone();
    },
    async error() {
      const out = tf.tidy(compute);
      const values = await (Array.isArray(out) ? (out[0] as Tensor) : out).data();
      tf.dispose(out);
      return errorOf(p, inputs, values);
    },
    free() {
      for (const arg of args) arg.dispose();
    },
  };
}

function computation(
  tf: Tfjs,
  p: Problem,
  inputs: Record<string, Float32Array>,
): { args: Tensor[]; compute: () => Tensor | Tensor[] } {
  const tensor = (name: string, shape: number[]) => tf.tensor(inputs[name] as Float32Array, shape);
  switch (p.name) {
    case 'matmul': {
      const [a, b] = [tensor('a', [p.m, p.k]), tensor('b', [p.k, p.n])];
      return { args: [a, b], compute: () => tf.matMul(a, b) };
    }
    case 'softmax': {
      const x = tensor('x', [p.rows, p.columns]);
      return { args: [x], compute: () => tf.softmax(x) };
    }
    case 'rmsnorm': {
      const [x, weight] = [tensor('x', [p.rows, p.columns]), tensor('weight', [p.columns])];
      const compute = () => tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), EPSILON))), weight);
      return { args: [x, weight], compute };
    }
    case 'attention':
      return causalAttention(tf, p, tensor);
    case 'embedding': {
      const ids = tf.tensor(Int32Array.from(inputs.ids as Float32Array), [p.rows], 'int32');
      const table = tensor('table', [p.vocab, p.columns]);
      return { args: [ids, table], compute: () => tf.gather(table, ids as never) };
    }
    case 'swiglu': {
      const [gate, up] = [tensor('gate', [p.rows, p.columns]), tensor('up', [p.rows, p.columns])];
      return { args: [gate, up], compute: () => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up) };
    }
    case 'rope': {
      const angles = [p.rows, 1, p.headDim / 2];
      const [x, cos, sin] = [tensor('x', [p.rows, p.heads, p.headDim]), tensor('cos', angles), tensor('sin', angles)];
      const compute = () => {
        const [a, b] = tf.split(x, 2, -1) as [Tensor, Tensor];
        return tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))], -1);
      };
      return { args: [x, cos, sin], compute };
    }
    case 'cross_entropy': {
      const x = tensor('x', [p.rows, p.columns]);
      const flat = Int32Array.from(inputs.targets as Float32Array, (target, row) => row * p.columns + target);
      const ids = tf.tensor(flat, [p.rows], 'int32');
      const compute = () => tf.sub(tf.gather(tf.reshape(x, [-1]), ids as never), tf.logSumExp(x, -1));
      return { args: [x, ids], compute };
    }
    case 'adamw': {
      const args = ['param', 'grad', 'm', 'v'].map((name) => tensor(name, [p.rows, p.columns]));
      const [param, grad, m, v] = args as [Tensor, Tensor, Tensor, Tensor];
      const { beta1, beta2, eps } = ADAMW;
      const compute = () => {
        const mean = tf.add(tf.mul(m, beta1), tf.mul(grad, 1 - beta1));
        const square = tf.add(tf.mul(v, beta2), tf.mul(tf.square(grad), 1 - beta2));
        const root = tf.add(tf.div(tf.sqrt(square), ADAMW_ROOT), eps);
        return [tf.sub(param, tf.div(tf.mul(mean, ADAMW_STEP_SIZE), root)), mean, square];
      };
      return { args, compute };
    }
  }
}

/** tfjs has none of its own: products, mask and softmax; the query heads of a key head lie below each other. */
function causalAttention(
  tf: Tfjs,
  p: Extract<Problem, { name: 'attention' }>,
  tensor: (name: string, shape: number[]) => Tensor,
): { args: Tensor[]; compute: () => Tensor } {
  const { batch, length, heads, kvHeads, headDim } = p;
  const group = heads / kvHeads;
  const q = tensor('q', [batch, length, kvHeads, group, headDim]);
  const [k, v] = [tensor('k', [batch, length, kvHeads, headDim]), tensor('v', [batch, length, kvHeads, headDim])];
  const mask = tf.tidy(() => {
    const row = tf.reshape(tf.range(0, length), [length, 1]);
    const future = tf.less(row, tf.reshape(tf.range(0, length), [1, length]));
    return tf.tile(tf.mul(tf.cast(future, 'float32'), -1e30), [group, 1]); // [G * T, T]
  });
  const compute = () => {
    const queries = tf.reshape(tf.transpose(q, [0, 2, 3, 1, 4]), [batch, kvHeads, group * length, headDim]);
    const keys = tf.transpose(k, [0, 2, 1, 3]);
    const scores = tf.add(tf.mul(tf.matMul(queries, keys, false, true), 1 / Math.sqrt(headDim)), mask);
    const out = tf.matMul(tf.softmax(scores), tf.transpose(v, [0, 2, 1, 3])); // [B, Hkv, G * T, D]
    return tf.transpose(tf.reshape(out, [batch, kvHeads, group, length, headDim]), [0, 3, 1, 2, 4]);
  };
  return { args: [q, k, v, mask], compute };
}
