import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import type { Matrix } from '../gpu/matrix.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { ropeTable } from '../kernels/rope.ts';
import type { ModelConfig } from './config.ts';
import type { CacheType } from './kv_cache.ts';
import { planMatrix, type WeightDType, WeightLoader } from './weight_loader.ts';
import { checkTensors, type ModelSource } from './weight_table.ts';

/** Positions that a model is run with unless more are asked for. */
const DEFAULT_POSITIONS = 4096;

/** One decoder layer's frozen weights. Matrices are `[N, K]` in the type that they are stored in; vectors are f32. */
export interface Layer {
  readonly input_layernorm: Tensor; // [C]
  readonly qkv_proj: Matrix; // [(H + 2 Hkv) D, C]
  readonly qkv_bias: Tensor | undefined; // [(H + 2 Hkv) D]
  readonly qk_norm: Tensor | undefined; // [2 D]: q_norm, then k_norm
  readonly o_proj: Matrix; // [C, H D]
  readonly o_bias: Tensor | undefined; // [C]
  readonly post_attention_layernorm: Tensor; // [C]
  readonly gate_up_proj: Matrix; // [2F, C]
  readonly gate_up_bias: Tensor | undefined; // [2F]
  readonly down_proj: Matrix; // [C, F]
  readonly down_bias: Tensor | undefined; // [C]
}

export interface LoadOptions {
  /** Called as tensors are read: bytes of the files done, and all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Longest sequence that will be run: the length of the rotary table. Default: min(max_position_embeddings, 4096). */
  readonly maxPositions?: number;
  /** Type in which matrices are kept, rounded to nearest even where it is a narrower one; not for quantised ones. Default `auto`. */
  readonly dtype?: WeightDType;
  /** Type in which generation keeps keys and values: f16 halves their bytes and rounds them to 11 bits. Default `f32`. */
  readonly kvCacheDtype?: CacheType;
}

/** A frozen model on the device. */
export class Model {
  readonly device: Device;
  readonly config: ModelConfig;
  /** What vectors and checkpoints say they were trained on. */
  readonly identity: string;
  readonly embed_tokens: Matrix; // [V, C]
  readonly lm_head: Matrix; // [V, C], the same one where the head is tied
  readonly norm: Tensor; // [C]
  readonly layers: readonly Layer[];
  readonly ropeTable: Tensor; // [maxPositions, D / 2, 2]
  readonly maxPositions: number;
  readonly kvCacheDtype: CacheType;

  constructor(
    device: Device,
    config: ModelConfig,
    identity: string,
    weights: { embed_tokens: Matrix; lm_head: Matrix; norm: Tensor; layers: readonly Layer[]; ropeTable: Tensor },
    kvCacheDtype: CacheType = 'f32',
  ) {
    this.device = device;
    this.config = config;
    this.identity = identity;
    this.embed_tokens = weights.embed_tokens;
    this.lm_head = weights.lm_head;
    this.norm = weights.norm;
    this.layers = weights.layers;
    this.ropeTable = weights.ropeTable;
    this.kvCacheDtype = kvCacheDtype;
    this.maxPositions = weights.ropeTable.shape[0] as number;
  }

  get headShape(): { heads: number; kvHeads: number; headDim: number } {
    const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = this.config;
    return { heads, kvHeads, headDim };
  }

  /** Every tensor once. */
  *tensors(): Generator<Tensor> {
    yield* tensorsOf(this.embed_tokens);
    if (this.lm_head !== this.embed_tokens) yield* tensorsOf(this.lm_head);
    yield this.norm;
    yield this.ropeTable;
    for (const layer of this.layers) {
      for (const weight of Object.values(layer) as (Tensor | Matrix | undefined)[])
        if (weight) yield* tensorsOf(weight);
    }
  }

  /** Bytes of GPU memory that the weights take. */
  get bytes(): number {
    let total = 0;
    for (const tensor of this.tensors()) total += tensor.bytes;
    return total;
  }

  #disposed = false;

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees the weights; once is enough. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const tensor of this.tensors()) this.device.arena.free(tensor);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function tensorsOf(weight: Tensor | Matrix): Tensor[] {
  return 'parts' in weight ? weight.parts.map(({ tensor }) => tensor) : [weight];
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

/** Bytes that `loadModel` will take on the device, known from the headers of the files. */
export function weightBytes(source: Pick<ModelSource, 'config' | 'tensors'>, options: LoadOptions = {}): number {
  const { config, tensors } = source;
  const dtype = options.dtype ?? 'auto';
  let total = 4 * contextLength(config, options.maxPositions) * config.head_dim;
  for (const { names } of matrices(config)) {
    for (const { bytes } of planMatrix(tensors, names, dtype)) total += bytes;
  }
  for (const { shape } of tensors.values()) if (shape.length === 1) total += 4 * (shape[0] as number);
  return total;
}

/**
 * Checks names, shapes and types first, then uploads some rows at a time. A matrix that is larger than one binding, or
 * stacked of tensors in several types, lies in several parts.
 *
 * @throws UserError for tensors that do not fit the configuration or cannot have the type that is asked for.
 */
export async function loadModel(device: Device, source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  checkTensors(source);
  const loader = new WeightLoader(device, source, options.dtype ?? 'auto', options.onProgress);
  try {
    const model = layOut(loader, device, source, options);
    await loader.fill();
    return model;
  } catch (error) {
    loader.free();
    throw error;
  }
}

/** A model on the device whose weights are yet to be filled in: all that can be known of its memory. */
export function layOut(
  loader: WeightLoader,
  device: Device,
  { config, identity }: Pick<ModelSource, 'config' | 'identity'>,
  options: LoadOptions = {},
): Model {
  const embed_tokens = loader.matrix('embed_tokens', ['model.embed_tokens.weight']);
  const lm_head = config.tie_word_embeddings ? embed_tokens : loader.matrix('lm_head', ['lm_head.weight']);
  const norm = loader.vector(['model.norm.weight']);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, l): Layer => {
    const at = (name: string) => `model.layers.${l}.${name}`;
    const vectors = (there: boolean, names: readonly string[]) => (there ? loader.vector(names.map(at)) : undefined);
    const { qkv_proj, o_proj, gate_up_proj, down_proj } = layerMatrices(l);
    return {
      input_layernorm: loader.vector([at('input_layernorm.weight')]),
      qkv_proj: loader.matrix(qkv_proj.label, qkv_proj.names),
      qkv_bias: vectors(
        config.attention_bias,
        ['q', 'k', 'v'].map((x) => `self_attn.${x}_proj.bias`),
      ),
      qk_norm: vectors(config.qk_norm, ['self_attn.q_norm.weight', 'self_attn.k_norm.weight']),
      o_proj: loader.matrix(o_proj.label, o_proj.names),
      o_bias: vectors(config.o_proj_bias, ['self_attn.o_proj.bias']),
      post_attention_layernorm: loader.vector([at('post_attention_layernorm.weight')]),
      gate_up_proj: loader.matrix(gate_up_proj.label, gate_up_proj.names),
      gate_up_bias: vectors(config.mlp_bias, ['mlp.gate_proj.bias', 'mlp.up_proj.bias']),
      down_proj: loader.matrix(down_proj.label, down_proj.names),
      down_bias: vectors(config.mlp_bias, ['mlp.down_proj.bias']),
    };
  });
  const positions = contextLength(config, options.maxPositions);
  const { head_dim: d, rope_theta, rope_scaling } = config;
  const rope = loader.values([positions, d / 2, 2], 'rope table', () =>
    ropeTable(positions, d, rope_theta, rope_scaling),
  );
  const weights = { embed_tokens, lm_head, norm, layers, ropeTable: rope };
  return new Model(device, config, identity, weights, options.kvCacheDtype);
}
