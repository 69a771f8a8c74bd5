import { bf16ToF32, blockedBytes, f16ToF32, f32ToBf16, f32ToF16, packBlocks } from '../gpu/blocks.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import type { DType, Tensor } from '../gpu/tensor.ts';
import { ropeTable } from '../kernels/rope.ts';
import type { ModelConfig } from './config.ts';
import { checkTensors, type ModelSource } from './source.ts';

/** Types that a matrix can have on the device; `auto` is the one that it is stored in. */
export type WeightDType = 'auto' | 'f32' | 'f16' | 'bf16';

/** Positions that a model is run with unless more are asked for. */
const DEFAULT_POSITIONS = 4096;

/** One decoder layer's frozen weights. Matrices are blocked `[N, K]`; vectors are f32. */
export interface Layer {
  readonly input_layernorm: Tensor; // [C]
  readonly qkv_proj: Tensor; // [(H + 2 Hkv) D, C]
  readonly qkv_bias: Tensor | undefined; // [(H + 2 Hkv) D]
  readonly qk_norm: Tensor | undefined; // [2 D]: q_norm, then k_norm
  readonly o_proj: Tensor; // [C, H D]
  readonly o_bias: Tensor | undefined; // [C]
  readonly post_attention_layernorm: Tensor; // [C]
  readonly gate_up_proj: Tensor; // [2F, C]
  readonly gate_up_bias: Tensor | undefined; // [2F]
  readonly down_proj: Tensor; // [C, F]
  readonly down_bias: Tensor | undefined; // [C]
}

export interface LoadOptions {
  /** Called after each tensor: bytes done of all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Longest sequence that will be run: the length of the rotary table. Default: min(max_position_embeddings, 4096). */
  readonly maxPositions?: number;
  /** Type in which matrices are kept, rounded to nearest even where it is a narrower one. Default `auto`. */
  readonly dtype?: WeightDType;
}

/** A frozen model on the device. */
export class Model {
  readonly device: Device;
  readonly config: ModelConfig;
  /** What vectors and checkpoints say they were trained on. */
  readonly identity: string;
  readonly embed_tokens: Tensor; // [V, C]
  readonly lm_head: Tensor; // [V, C], the same tensor where the head is tied
  readonly norm: Tensor; // [C]
  readonly layers: readonly Layer[];
  readonly ropeTable: Tensor; // [maxPositions, D / 2, 2]
  readonly maxPositions: number;

  constructor(
    device: Device,
    config: ModelConfig,
    identity: string,
    weights: { embed_tokens: Tensor; lm_head: Tensor; norm: Tensor; layers: readonly Layer[]; ropeTable: Tensor },
  ) {
    this.device = device;
    this.config = config;
    this.identity = identity;
    this.embed_tokens = weights.embed_tokens;
    this.lm_head = weights.lm_head;
    this.norm = weights.norm;
    this.layers = weights.layers;
    this.ropeTable = weights.ropeTable;
    this.maxPositions = weights.ropeTable.shape[0] as number;
  }

  get headShape(): { heads: number; kvHeads: number; headDim: number } {
    const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = this.config;
    return { heads, kvHeads, headDim };
  }

  /** Every tensor once. */
  *tensors(): Generator<Tensor> {
    yield this.embed_tokens;
    if (this.lm_head !== this.embed_tokens) yield this.lm_head;
    yield this.norm;
    yield this.ropeTable;
    for (const layer of this.layers) {
      for (const tensor of Object.values(layer)) if (tensor) yield tensor as Tensor;
    }
  }

  /** Bytes of GPU memory that the weights take. */
  get bytes(): number {
    let total = 0;
    for (const tensor of this.tensors()) total += tensor.bytes;
    return total;
  }

  dispose(): void {
    for (const tensor of this.tensors()) this.device.arena.free(tensor);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Longest sequence of a model, in tokens, unless `LoadOptions.maxPositions` says otherwise.
 *
 * @throws UserError for a model whose sliding window is shorter: within its window a token sees all before it, beyond not.
 */
export function contextLength(config: ModelConfig, maxPositions = DEFAULT_POSITIONS): number {
  const length = Math.min(maxPositions, config.max_position_embeddings);
  const { sliding_window: window } = config;
  if (window !== undefined && window < length) {
    throw new UserError(
      `The model's sliding_window is ${window}, and the context ${length} tokens: attention within a window is not supported, ` +
        `so the context has to fit in it. Set max_position_embeddings in config.json, or LoadOptions.maxPositions, to ${window}.`,
    );
  }
  return length;
}

/** Names of the tensors that are stacked into each matrix on the device: q, k, v become one product and gate, up another. */
function matrices(config: ModelConfig): { label: string; names: readonly string[] }[] {
  const { num_hidden_layers: layers, tie_word_embeddings: tied } = config;
  return [
    { label: 'embed_tokens', names: ['model.embed_tokens.weight'] },
    ...(tied ? [] : [{ label: 'lm_head', names: ['lm_head.weight'] }]),
    ...Array.from({ length: layers }, (_, l) => layerMatrices(l)).flatMap((of) => Object.values(of)),
  ];
}

function layerMatrices(l: number) {
  const matrix = (label: string, names: readonly string[]) => ({
    label: `model.layers.${l}.${label}`,
    names: names.map((name) => `model.layers.${l}.${name}.weight`),
  });
  return {
    qkv_proj: matrix('qkv_proj', ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj']),
    o_proj: matrix('o_proj', ['self_attn.o_proj']),
    gate_up_proj: matrix('gate_up_proj', ['mlp.gate_proj', 'mlp.up_proj']),
    down_proj: matrix('down_proj', ['mlp.down_proj']),
  };
}

type Tensors = ModelSource['tensors'];

/** Shape and type that a matrix has on the device; stacked parts of different types meet in f32. */
function matrixInfo(tensors: Tensors, names: readonly string[], wanted: WeightDType) {
  const parts = names.map((name) => tensors.get(name)).filter((info) => info !== undefined);
  const columns = parts[0]?.shape[1] as number;
  const rows = parts.reduce((sum, info) => sum + (info.shape[0] as number), 0);
  const stored = parts.every((info) => info.dtype === parts[0]?.dtype) ? (parts[0]?.dtype as DType) : 'f32';
  const dtype: DType = wanted === 'auto' ? stored : wanted;
  return { rows, columns, dtype, bytes: blockedBytes(rows, columns, dtype) };
}

/** Bytes that `loadModel` will take on the device, known from the headers of the files. */
export function weightBytes(source: Pick<ModelSource, 'config' | 'tensors'>, options: LoadOptions = {}): number {
  const { config, tensors } = source;
  const dtype = options.dtype ?? 'auto';
  let total = 4 * contextLength(config, options.maxPositions) * config.head_dim;
  for (const { names } of matrices(config)) total += matrixInfo(tensors, names, dtype).bytes;
  for (const { shape } of tensors.values()) if (shape.length === 1) total += 4 * (shape[0] as number);
  return total;
}

/**
 * Checks names, shapes and sizes first, then uploads tensor by tensor.
 *
 * @throws UserError for tensors that do not fit the configuration, or a model that does not fit the adapter.
 */
export async function loadModel(device: Device, source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  checkTensors(source);
  const { config } = source;
  checkFits(device, source, options.dtype ?? 'auto');
  const loader = new Loader(device, source, options);
  const layers: Layer[] = [];
  try {
    const embed_tokens = await loader.matrix('embed_tokens', ['model.embed_tokens.weight']);
    const lm_head = config.tie_word_embeddings ? embed_tokens : await loader.matrix('lm_head', ['lm_head.weight']);
    const norm = await loader.vector(['model.norm.weight']);
    for (let l = 0; l < config.num_hidden_layers; l++) {
      const at = (name: string) => `model.layers.${l}.${name}`;
      const vectors = (there: boolean, names: readonly string[]) => (there ? loader.vector(names.map(at)) : undefined);
      const { qkv_proj, o_proj, gate_up_proj, down_proj } = layerMatrices(l);
      layers.push({
        input_layernorm: await loader.vector([at('input_layernorm.weight')]),
        qkv_proj: await loader.matrix(qkv_proj.label, qkv_proj.names),
        qkv_bias: await vectors(
          config.attention_bias,
          ['q', 'k', 'v'].map((x) => `self_attn.${x}_proj.bias`),
        ),
        qk_norm: await vectors(config.qk_norm, ['self_attn.q_norm.weight', 'self_attn.k_norm.weight']),
        o_proj: await loader.matrix(o_proj.label, o_proj.names),
        o_bias: await vectors(config.o_proj_bias, ['self_attn.o_proj.bias']),
        post_attention_layernorm: await loader.vector([at('post_attention_layernorm.weight')]),
        gate_up_proj: await loader.matrix(gate_up_proj.label, gate_up_proj.names),
        gate_up_bias: await vectors(config.mlp_bias, ['mlp.gate_proj.bias', 'mlp.up_proj.bias']),
        down_proj: await loader.matrix(down_proj.label, down_proj.names),
        down_bias: await vectors(config.mlp_bias, ['mlp.down_proj.bias']),
      });
    }
    const positions = contextLength(config, options.maxPositions);
    const table = ropeTable(positions, config.head_dim, config.rope_theta, config.rope_scaling);
    const rope = device.upload(table, [positions, config.head_dim / 2, 2], 'f32', 'rope table');
    return new Model(device, config, source.identity, { embed_tokens, lm_head, norm, layers, ropeTable: rope });
  } catch (error) {
    loader.free();
    throw error;
  }
}

/** Before the first byte is uploaded: does every matrix fit one binding? */
function checkFits(device: Device, source: ModelSource, wanted: WeightDType): void {
  const limit = Math.min(device.caps.maxBinding, device.caps.maxBuffer);
  for (const { label, names } of matrices(source.config)) {
    const { bytes, dtype } = matrixInfo(source.tensors, names, wanted);
    if (bytes > limit) {
      const narrower = dtype === 'f32' ? ', --dtype f16 (half the bytes)' : '';
      throw new UserError(
        `${source.name}: ${label} takes ${mib(bytes)} as ${dtype}, and ${device.caps.adapter} binds at most ` +
          `${mib(limit)} at once. Use an adapter with larger bindings${narrower}, or a smaller model.`,
      );
    }
  }
}

class Loader {
  readonly #device: Device;
  readonly #source: ModelSource;
  readonly #options: LoadOptions;
  readonly #total: number;
  readonly #made: Tensor[] = [];
  #done = 0;

  constructor(device: Device, source: ModelSource, options: LoadOptions) {
    this.#device = device;
    this.#source = source;
    this.#options = options;
    this.#total = [...source.tensors.values()].reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Stacks the rows of one or more matrices with equal columns into one blocked tensor. */
  async matrix(label: string, names: readonly string[]): Promise<Tensor> {
    const { rows, columns, dtype, bytes } = matrixInfo(this.#source.tensors, names, this.#options.dtype ?? 'auto');
    const packed = dtype === 'f32' ? new Float32Array(bytes / 4) : new Uint16Array(bytes / 2);
    let firstRow = 0;
    for (const name of names) {
      const info = this.#info(name);
      const words = convert(await this.#read(name), info.dtype, dtype);
      packBlocks(words as Float32Array, info.shape[0] as number, columns, packed as Float32Array, firstRow);
      firstRow += info.shape[0] as number;
    }
    const blocks = this.#device.arena.alloc([bytes / 4], 'u32', label, { exact: true });
    this.#device.write(blocks, new Uint8Array(packed.buffer));
    const tensor: Tensor = { ...blocks, shape: [rows, columns], dtype };
    this.#made.push(tensor);
    return tensor;
  }

  /** Joins one or more vectors, converted to f32. */
  async vector(names: readonly string[]): Promise<Tensor> {
    const parts = await Promise.all(names.map(async (name) => toF32(await this.#read(name), this.#info(name).dtype)));
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    const tensor = this.#device.upload(all, [all.length], 'f32', names[0]);
    this.#made.push(tensor);
    return tensor;
  }

  free(): void {
    for (const tensor of this.#made) this.#device.arena.free(tensor);
  }

  #info(name: string): { dtype: DType; shape: readonly number[] } {
    const info = this.#source.tensors.get(name);
    if (!info) throw new UserError(`${this.#source.name} has no tensor ${name}`);
    return info;
  }

  async #read(name: string): Promise<Uint8Array> {
    const raw = await this.#source.read(name);
    this.#done += this.#info(name).shape.reduce((a, b) => a * b, 1);
    this.#options.onProgress?.(this.#done, this.#total);
    return raw.byteOffset % 4 === 0 ? raw : raw.slice();
  }
}

/** Values of one storage type as words of another: f32 numbers, or the bits of f16 and bf16. */
function convert(raw: Uint8Array, from: DType, to: DType): Float32Array | Uint16Array {
  if (to === 'f32') return toF32(raw, from);
  if (from === to) return new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2);
  return Uint16Array.from(toF32(raw, from), to === 'bf16' ? f32ToBf16 : f32ToF16);
}

function toF32(raw: Uint8Array, dtype: DType): Float32Array {
  if (dtype === 'f32') return new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  const halves = new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2);
  return Float32Array.from(halves, dtype === 'bf16' ? bf16ToF32 : f16ToF32);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
