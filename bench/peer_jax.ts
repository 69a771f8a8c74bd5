import type { Contestant, Peer } from './contestant.ts';
import { EPSILON, errorOf, type Problem } from './problems.ts';
import { ADAMW, ADAMW_ROOT, ADAMW_STEP_SIZE } from './training_problems.ts';

type Jax = typeof import('@jax-js/jax');
type JaxArray = InstanceType<Jax['Array']>;

/** jax-js (Eric Zhang): every computation is one `jit`. Undefined where it is not installed or finds no adapter. */
export async function jaxPeer(): Promise<Peer | undefined> {
  const jax = await import('@jax-js/jax').catch(() => undefined);
  addIteratorHelpers();
  if (!jax) return undefined;
  const devices = await jax.init('webgpu');
  if (!devices.includes('webgpu')) return undefined;
  jax.defaultDevice('webgpu');
  return { impl: 'jax-js', prepare: async (problem, inputs) => prepare(jax, problem, inputs) };
}

/** Its attention calls `map` and `filter` of iterators, which Node has from version 22 on. */
function addIteratorHelpers(): void {
  const iterators = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object;
  if ('map' in iterators) return;
  for (const name of ['map', 'filter'] as const) {
    Object.defineProperty(iterators, name, {
      configurable: true,
      writable: true,
      value(this: Iterable<unknown>, change: (item: unknown) => unknown) {
        return Array.from(this)[name](change).values();
      },
    });
  }
}

function prepare(jax: Jax, p: Problem, inputs: Record<string, Float32Array>): Contestant {
  const { args, compute } = computation(jax, p, inputs);
  const compiled = jax.jit(compute as (...args: JaxArray[]) => JaxArray[]);
  // jax-js counts references by moves: what a call takes is gone unless a reference is added.
  const run = () => compiled(...args.map((arg) => arg.ref)) as JaxArray[];
  const { queue } = jax.getWebGPUDevice();
  return {
    impl: 'jax-js',
    async batch(times) {
      // Arrays are lazy: asking for the buffer submits, and gives it back for the next call.
      for (let i = 0; i < times; i++) for (const out of run()) out.gpuBufferSync();
      await queue.onSubmittedWorkDone();
    },
    async error() {
      const [result, ...others] = run() as [JaxArray, ...JaxArray[]];
      for (const other of others) other.dispose();
      return errorOf(p, inputs, (await result.data()) as Float32Array);
    },
    free() {
      for (const arg of args) arg.dispose();
      compiled.dispose();
    },
  };
}

function computation(jax: Jax, p: Problem, inputs: Record<string, Float32Array>) {
  const { numpy: np, nn } = jax;
  const array = (name: string, shape: number[]) => np.array(inputs[name] as Float32Array<ArrayBuffer>, { shape });
  switch (p.name) {
    case 'matmul':
      return {
        args: [array('a', [p.m, p.k]), array('b', [p.k, p.n])],
        compute: (a: JaxArray, b: JaxArray) => [np.matmul(a, b)],
      };
    case 'softmax':
      return { args: [array('x', [p.rows, p.columns])], compute: (x: JaxArray) => [nn.softmax(x, -1)] };
    case 'rmsnorm':
      return {
        args: [array('x', [p.rows, p.columns]), array('weight', [p.columns])],
        compute: (x: JaxArray, weight: JaxArray) => {
          const square = np.mean(np.square(x.ref), -1, { keepdims: true });
          return [x.div(np.sqrt(square.add(EPSILON))).mul(weight)];
        },
      };
    case 'attention': {
      const { batch, length, heads, kvHeads, headDim } = p;
      const keys = [batch, length, kvHeads, headDim];
      return {
        args: [array('q', [batch, length, heads, headDim]), array('k', keys), array('v', keys)],
        compute: (q: JaxArray, k: JaxArray, v: JaxArray) => [nn.dotProductAttention(q, k, v, { isCausal: true })],
      };
    }
    case 'embedding': {
      const ids = np.array(Int32Array.from(inputs.ids as Float32Array), { shape: [p.rows] });
      const compute = (table: JaxArray, ids: JaxArray) => [np.take(table, ids, 0)];
      return { args: [array('table', [p.vocab, p.columns]), ids], compute };
    }
    case 'swiglu': {
      const shape = [p.rows, p.columns];
      const compute = (gate: JaxArray, up: JaxArray) => [nn.silu(gate).mul(up)];
      return { args: [array('gate', shape), array('up', shape)], compute };
    }
    case 'rope': {
      const half = p.headDim / 2;
      const angles = [p.rows, 1, half];
      const compute = (x: JaxArray, cos: JaxArray, sin: JaxArray) => {
        const [a, b] = np.split(x, 2, -1) as [JaxArray, JaxArray];
        const first = a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref));
        return [np.concatenate([first, b.mul(cos).add(a.mul(sin))], -1)];
      };
      return {
        args: [array('x', [p.rows, p.heads, p.headDim]), array('cos', angles), array('sin', angles)],
        compute,
      };
    }
    case 'cross_entropy': {
      const targets = np.array(Int32Array.from(inputs.targets as Float32Array), { shape: [p.rows, 1] });
      const compute = (x: JaxArray, targets: JaxArray) => {
        const picked = np.takeAlongAxis(x.ref, targets, -1);
        return [np.squeeze(picked, -1).sub(nn.logsumexp(x, -1))];
      };
      return { args: [array('x', [p.rows, p.columns]), targets], compute };
    }
    case 'adamw': {
      const { beta1, beta2, eps } = ADAMW;
      const compute = (param: JaxArray, grad: JaxArray, m: JaxArray, v: JaxArray) => {
        const mean = m.mul(beta1).add(grad.ref.mul(1 - beta1));
        const square = v.mul(beta2).add(np.square(grad).mul(1 - beta2));
        const root = np.sqrt(square.ref).div(ADAMW_ROOT).add(eps);
        return [param.sub(mean.ref.mul(ADAMW_STEP_SIZE).div(root)), mean, square];
      };
      return { args: ['param', 'grad', 'm', 'v'].map((name) => array(name, [p.rows, p.columns])), compute };
    }
  }
}
