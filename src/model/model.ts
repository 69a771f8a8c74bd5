import { blockedBytes, bf16ToF32, f16ToF32, packBlocks } from '../gpu/blocks.ts';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import type { DType, Tensor } from '../gpu/tensor.ts';
import { ropeTable } from '../kernels/rope.ts';
import type { ModelConfig } from './config.ts';
import { checkTensors, type ModelSource } from './source.ts';

/** One decoder layer's frozen weights. Matrices are blocked `[N, K]`; vectors are f32. */
export interface Layer {
  readonly input_layernorm: Tensor; // [C]
  readonly qkv_proj: Tensor; // [(H + 2 Hkv) D, C]
  readonly qkv_bias: Tensor | undefined; // [(H + 2 Hkv) D]
  readonly o_proj: Tensor; // [C, H D]
  readonly post_attention_layernorm: Tensor; // [C]
  readonly gate_up_proj: Tensor; // [2F, C]
  readonly down_proj: Tensor; // [C, F]
}

export interface LoadOptions {
  /** Called after each tensor: bytes done of all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Longest sequence that will be run: the length of the rotary table. Default: min(max_position_embeddings, 4096). */
  readonly maxPositions?: number;
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
 * Checks names, shapes and sizes first, then uploads tensor by tensor. q, k, v become one product and gate, up another.
 *
 * @throws UserError for tensors that do not fit the configuration, or a model that does not fit the adapter.
 */
export async function loadModel(device: Device, source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  checkTensors(source);
  const { config } = source;
  checkFits(device, source);
  const loader = new Loader(device, source, options.onProgress);
  const layers: Layer[] = [];
  try {
    const embed_tokens = await loader.matrix('embed_tokens', ['model.embed_tokens.weight']);
    const lm_head = config.tie_word_embeddings ? embed_tokens : await loader.matrix('lm_head', ['lm_head.weight']);
    const norm = await loader.vector(['model.norm.weight']);
    for (let l = 0; l < config.num_hidden_layers; l++) {
      const at = (name: string) => `model.layers.${l}.${name}`;
      const qkv = ['q', 'k', 'v'].map((x) => at(`self_attn.${x}_proj`));
      layers.push({
        input_layernorm: await loader.vector([at('input_layernorm.weight')]),
        qkv_proj: await loader.matrix(at('qkv_proj'), qkv.map((name) => `${name}.weight`)),
        qkv_bias: config.attention_bias ? await loader.vector(qkv.map((name) => `${name}.bias`)) : undefined,
        o_proj: await loader.matrix(at('o_proj'), [at('self_attn.o_proj.weight')]),
        post_attention_layernorm: await loader.vector([at('post_attention_layernorm.weight')]),
        gate_up_proj: await loader.matrix(at('gate_up_proj'), [at('mlp.gate_proj.weight'), at('mlp.up_proj.weight')]),
        down_proj: await loader.matrix(at('down_proj'), [at('mlp.down_proj.weight')]),
      });
    }
    const positions = Math.min(options.maxPositions ?? 4096, config.max_position_embeddings);
    const table = ropeTable(positions, config.head_dim, config.rope_theta, config.rope_scaling);
    const rope = device.upload(table, [positions, config.head_dim / 2, 2], 'f32', 'rope table');
    return new Model(device, config, source.identity, { embed_tokens, lm_head, norm, layers, ropeTable: rope });
  } catch (error) {
    loader.free();
    throw error;
  }
}

/** Before the first byte is uploaded: does every matrix fit one binding? */
function checkFits(device: Device, source: ModelSource): void {
  for (const [name, info] of source.tensors) {
    if (info.shape.length !== 2) continue;
    const bytes = blockedBytes(info.shape[0] as number, info.shape[1] as number, info.dtype);
    if (bytes > device.caps.maxBinding) {
      throw new UserError(
        `${source.name}: ${name} takes ${mib(bytes)} as ${info.dtype}, and ${device.caps.adapter} binds at most ` +
          `${mib(device.caps.maxBinding)} at once. Use an adapter with larger bindings, or a smaller model.`,
      );
    }
  }
}

class Loader {
  readonly #device: Device;
  readonly #source: ModelSource;
  readonly #onProgress: LoadOptions['onProgress'];
  readonly #total: number;
  readonly #made: Tensor[] = [];
  #done = 0;

  constructor(device: Device, source: ModelSource, onProgress: LoadOptions['onProgress']) {
    this.#device = device;
    this.#source = source;
    this.#onProgress = onProgress;
    this.#total = [...source.tensors.values()].reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Stacks the rows of one or more matrices with equal columns into one blocked tensor. */
  async matrix(label: string, names: readonly string[]): Promise<Tensor> {
    const infos = names.map((name) => this.#info(name));
    const columns = infos[0]?.shape[1] as number;
    const rows = infos.reduce((sum, info) => sum + (info.shape[0] as number), 0);
    const dtype = infos.every((info) => info.dtype === infos[0]?.dtype) ? (infos[0]?.dtype as DType) : 'f32';
    const bytes = blockedBytes(rows, columns, dtype);
    const packed = dtype === 'f32' ? new Float32Array(bytes / 4) : new Uint16Array(bytes / 2);
    let firstRow = 0;
    for (const [i, name] of names.entries()) {
      const info = infos[i] as { dtype: DType; shape: readonly number[] };
      const raw = await this.#read(name);
      const words = dtype === 'f32' ? toF32(raw, info.dtype) : new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2);
      packBlocks(words as Float32Array, info.shape[0] as number, columns, packed as Float32Array, firstRow);
      firstRow += info.shape[0] as number;
    }
    const blocks = this.#device.arena.alloc([bytes / 4], 'u32', label);
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
    this.#onProgress?.(this.#done, this.#total);
    return raw.byteOffset % 4 === 0 ? raw : raw.slice();
  }
}

function toF32(raw: Uint8Array, dtype: DType): Float32Array {
  if (dtype === 'f32') return new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  const halves = new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2);
  return Float32Array.from(halves, dtype === 'bf16' ? bf16ToF32 : f16ToF32);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
