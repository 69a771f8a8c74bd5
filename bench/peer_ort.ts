import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Contestant, Peer } from './contestant.ts';
import { type Constant, type Node, onnxModel } from './onnx_graph.ts';
import { EPSILON, errorOf, type Problem } from './problems.ts';

interface Tensor {
  readonly data: Float32Array;
}

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** What of onnxruntime-node is used; its types are not installed with trimtab. */
interface Runtime {
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => Tensor;
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  listSupportedBackends(): readonly { readonly name: string }[];
}

/** Executions in one graph: what `run` costs by itself, and the copies in and out, are shared by so many. */
const REPEATS = 16;
/** Weights of all repeats together; beyond it a graph has fewer. */
const WEIGHT_BYTES = 256 * 2 ** 20;

/**
 * onnxruntime-node's WebGPU execution provider, which carries a Dawn of its own. Undefined where it is not installed.
 * @param checked as pages have it; by default onnxruntime-node leaves bounds checks and validation out
 */
export async function ortPeer(peersFolder: string, checked: boolean): Promise<Peer | undefined> {
  const require = createRequire(join(peersFolder, 'package.json'));
  try {
    const ort = require('onnxruntime-node') as Runtime;
    if (!ort.listSupportedBackends().some(({ name }) => name === 'webgpu')) return undefined;
    return {
      impl: 'onnxruntime',
      native: true,
      supports: (problem) => ['matmul', 'softmax', 'rmsnorm', 'attention', 'swiglu', 'rope'].includes(problem.name),
      prepare: (problem, inputs) => prepare(ort, checked, problem, inputs),
    };
  } catch {
    return undefined;
  }
}

/** An operator with what it multiplies by; `x` is what a chain of it hands on. */
interface Operation {
  readonly shape: readonly number[];
  readonly x: Float32Array;
  readonly constants: readonly Constant[];
  /** The i-th of a chain. */
  readonly nodes: (i: number, input: string, output: string) => Node[];
  readonly outShape: readonly number[];
}

async function prepare(
  ort: Runtime,
  checked: boolean,
  p: Problem,
  inputs: Record<string, Float32Array>,
): Promise<Contestant> {
  const repeats = p.name === 'matmul' ? Math.max(1, Math.min(REPEATS, WEIGHT_BYTES / (4 * p.n * p.k))) | 0 : REPEATS;
  const provider = { name: 'webgpu', validationMode: checked ? 'basic' : 'disabled', enableRobustness: checked };
  const open = (model: Uint8Array) =>
    ort.InferenceSession.create(model, { executionProviders: [provider], logSeverityLevel: 3 });
  const zero = new ort.Tensor('float32', new Float32Array(1), [1]);
  const once = await open(graphOf(p, operation(p, inputs, 1), 1, false));
  const chain = await open(graphOf(p, operation(p, inputs, repeats), repeats, true));
  return {
    impl: 'onnxruntime',
    executions: repeats,
    note: `${repeats} executions a run`,
    async batch(times) {
      for (let i = 0; i < times; i++) await chain.run({ zero });
    },
    async error() {
      const { out } = await once.run({ zero });
      return errorOf(p, inputs, (out as Tensor).data);
    },
    free() {
      for (const session of [once, chain]) void session.release();
    },
  };
}

/**
 * `repeats` executions. Their input is a constant plus an input of zero, so that nothing is computed when the graph is
 * optimised. A product's executions share their input and have weights of their own; every other operation takes what the one
 * before gave. `short` gives back one number instead of the result.
 */
function graphOf(p: Problem, o: Operation, repeats: number, short: boolean): Uint8Array {
  const nodes: Node[] = [{ op: 'Add', inputs: ['x', 'zero'], outputs: ['x0'] }];
  const results: string[] = [];
  for (let i = 0; i < repeats; i++) {
    const output = `x${i + 1}`;
    nodes.push(...o.nodes(i, p.name === 'matmul' ? 'x0' : `x${i}`, output));
    if (p.name === 'matmul' || i === repeats - 1) results.push(output);
  }
  const small = o.outShape.map(() => 1);
  const ends = (name: string, value: number): Constant => ({
    name,
    shape: [small.length],
    data: new BigInt64Array(small.length).fill(BigInt(value)),
  });
  if (short) {
    const parts = results.map((result) => `${result} part`);
    for (const [i, result] of results.entries()) {
      nodes.push({ op: 'Slice', inputs: [result, 'starts', 'ends'], outputs: [parts[i] as string] });
    }
    nodes.push({ op: 'Sum', inputs: parts, outputs: ['out'] });
  } else {
    nodes.push({ op: 'Identity', inputs: [results[0] as string], outputs: ['out'] });
  }
  const x: Constant = { name: 'x', shape: o.shape, data: o.x };
  return onnxModel({
    nodes,
    constants: [x, ...o.constants, ...(short ? [ends('starts', 0), ends('ends', 1)] : [])],
    inputs: { zero: [1] },
    outputs: { out: short ? small : o.outShape },
  });
}

function operation(p: Problem, inputs: Record<string, Float32Array>, repeats: number): Operation {
  const data = (name: string) => inputs[name] as Float32Array;
  switch (p.name) {
    case 'matmul':
      return {
        shape: [p.m, p.k],
        x: data('a'),
        outShape: [p.m, p.n],
        constants: Array.from({ length: repeats }, (_, i) => ({
          name: `b${i}`,
          shape: [p.k, p.n],
          data: weight(data('b'), i),
        })),
        nodes: (i, input, output) => [{ op: 'MatMul', inputs: [input, `b${i}`], outputs: [output] }],
      };
    case 'softmax': {
      const shape = [p.rows, p.columns];
      const nodes = (_: number, input: string, output: string) => [
        { op: 'Softmax', inputs: [input], outputs: [output], ints: { axis: -1 } },
      ];
      return { shape, x: data('x'), outShape: shape, constants: [], nodes };
    }
    case 'rmsnorm': {
      const shape = [p.rows, p.columns];
      const nodes = (_: number, input: string, output: string) => [
        {
          op: 'SimplifiedLayerNormalization',
          inputs: [input, 'weight'],
          outputs: [output],
          ints: { axis: -1, stash_type: 1 },
          floats: { epsilon: EPSILON },
        },
      ];
      const weightOf = { name: 'weight', shape: [p.columns], data: data('weight') };
      return { shape, x: data('x'), outShape: shape, constants: [weightOf], nodes };
    }
    case 'swiglu': {
      const shape = [p.rows, p.columns];
      const nodes = (i: number, input: string, output: string) => [
        { op: 'QuickGelu', inputs: [input], outputs: [`silu${i}`], floats: { alpha: 1 }, domain: 'com.microsoft' },
        { op: 'Mul', inputs: [`silu${i}`, 'up'], outputs: [output] },
      ];
      return { shape, x: data('gate'), outShape: shape, constants: [{ name: 'up', shape, data: data('up') }], nodes };
    }
    case 'attention': {
      const { batch, length, heads, kvHeads, headDim } = p;
      const shape = [batch, length, heads * headDim];
      const keys = [batch, length, kvHeads * headDim];
      const nodes = (i: number, input: string, output: string) => [
        {
          op: 'GroupQueryAttention',
          inputs: [input, 'k', 'v', '', '', 'lengths', 'total'],
          outputs: [output, `present k${i}`, `present v${i}`],
          ints: { num_heads: heads, kv_num_heads: kvHeads },
          domain: 'com.microsoft',
        },
      ];
      const constants = [
        { name: 'k', shape: keys, data: data('k') },
        { name: 'v', shape: keys, data: data('v') },
        { name: 'lengths', shape: [batch], data: new Int32Array(batch).fill(length - 1) },
        { name: 'total', shape: [1], data: Int32Array.of(length) },
      ];
      return { shape, x: data('q'), outShape: shape, constants, nodes };
    }
    case 'rope': {
      const half = p.headDim / 2;
      const shape = [1, p.rows, p.heads * p.headDim];
      const nodes = (_: number, input: string, output: string) => [
        {
          op: 'RotaryEmbedding',
          inputs: [input, 'first', 'cos', 'sin'],
          outputs: [output],
          ints: { num_heads: p.heads, rotary_embedding_dim: 0 },
          domain: 'com.microsoft',
        },
      ];
      const constants = [
        { name: 'first', shape: [1], data: BigInt64Array.of(0n) },
        { name: 'cos', shape: [p.rows, half], data: data('cos') },
        { name: 'sin', shape: [p.rows, half], data: data('sin') },
      ];
      return { shape, x: data('x'), outShape: shape, constants, nodes };
    }
    default:
      throw new Error(`onnxruntime is not asked for ${p.name}`);
  }
}

/** The weight of the i-th execution: another for each, because equal ones would be one. */
function weight(values: Float32Array, i: number): Float32Array {
  if (i === 0) return values;
  const copy = values.slice();
  copy[0] = (copy[0] as number) + i;
  return copy;
}
