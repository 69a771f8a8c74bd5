/** What a model's weights are: names, shapes and dtypes against the configuration, and an identity. */
import type { WeightType } from '../gpu/blocks.ts';
import { sha256 } from '../gpu/digest.ts';
import { UserError } from '../gpu/errors.ts';
import type { ModelConfig } from './config.ts';

export interface WeightInfo {
  readonly name: string;
  readonly dtype: WeightType;
  /** Rows first: a linear layer is [out, in]. */
  readonly shape: readonly number[];
  /** The file that holds it, for messages. */
  readonly file: string;
}

/** A vocabulary and what belongs to it. */
export interface TokenizerData {
  /** Contents of a Hugging Face tokenizer.json. */
  readonly json: unknown;
  readonly bos_token?: string;
  readonly eos_token?: string;
  /** Jinja source. */
  readonly chat_template?: string;
  /** Where the template was read, for messages; without it in `where`. */
  readonly templateWhere?: string;
  /** Where it was read, for messages. */
  readonly where: string;
}

/** Rows of a tensor: which is the first, and how many. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

export interface ModelSource {
  /** Shown in messages. */
  readonly name: string;
  readonly config: ModelConfig;
  /** Under Hugging Face's names; only those that `config` asks for, and ones that no model of its kind has. */
  readonly tensors: ReadonlyMap<string, WeightInfo>;
  /**
   * Rows of a tensor, all by default, row-major and little-endian as its dtype is stored; the first byte is aligned for
   * every typed array.
   */
  read(name: string, rows?: RowRange): Promise<Uint8Array>;
  /** Missing where the model came without one that can be read. */
  readonly tokenizer?: TokenizerData;
  /** Why there is no tokenizer, and what to do. */
  readonly noTokenizer?: string;
  readonly generation: { readonly eos_token_id: readonly number[] };
  /** SHA-256 of configuration, tensor table and a sample of the weights: equal for equal models, wherever they lie. */
  readonly identity: string;
  close(): Promise<void>;
}

/** Tensors that checkpoints carry and that follow from the rest. */
export function isIgnored(name: string, config: ModelConfig): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (name === 'lm_head.weight' && config.tie_word_embeddings);
}

/** Names and shapes of the tensors that a model of this configuration has. */
export function expectedTensors(config: ModelConfig): Map<string, readonly number[]> {
  const { hidden_size: C, intermediate_size: F, num_hidden_layers: L, vocab_size: V, head_dim: D } = config;
  const q = config.num_attention_heads * D;
  const kv = config.num_key_value_heads * D;
  const shapes = new Map<string, readonly number[]>([['model.embed_tokens.weight', [V, C]]]);
  for (let l = 0; l < L; l++) {
    const norm = (name: string, size: number) => shapes.set(`model.layers.${l}.${name}.weight`, [size]);
    const linear = (name: string, rows: number, columns: number, bias: boolean) => {
      shapes.set(`model.layers.${l}.${name}.weight`, [rows, columns]);
      if (bias) {
        shapes.set(`model.layers.${l}.${name}.bias`, [rows]);
      }
    };
    norm('input_layernorm', C);
    linear('self_attn.q_proj', q, C, config.attention_bias);
    linear('self_attn.k_proj', kv, C, config.attention_bias);
    linear('self_attn.v_proj', kv, C, config.attention_bias);
    if (config.qk_norm) {
      norm('self_attn.q_norm', D);
      norm('self_attn.k_norm', D);
    }
    linear('self_attn.o_proj', C, q, config.o_proj_bias);
    norm('post_attention_layernorm', C);
    linear('mlp.gate_proj', F, C, config.mlp_bias);
    linear('mlp.up_proj', F, C, config.mlp_bias);
    linear('mlp.down_proj', C, F, config.mlp_bias);
  }
  shapes.set('model.norm.weight', [C]);
  if (!config.tie_word_embeddings) {
    shapes.set('lm_head.weight', [V, C]);
  }
  return shapes;
}

/**
 * Compares names and shapes with what the configuration says, without reading a weight.
 * @throws UserError for the first tensor that is missing, of another shape, or not part of such a model
 */
export function checkTensors(source: ModelSource): void {
  const { config, tensors, name: where } = source;
  if (config.num_hidden_layers > tensors.size) {
    throw new UserError(
      `${where}: the configuration is of ${config.num_hidden_layers} layers, and there are ${tensors.size} tensors in all. ` +
        'Weights and configuration are not of the same model.',
    );
  }
  const expected = expectedTensors(config);
  const files = [...new Set([...tensors.values()].map((tensor) => tensor.file))].join(', ') || where;
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name);
    if (!tensor) {
      const hint = name === 'lm_head.weight' ? ' If the head is the embedding, set tie_word_embeddings.' : '';
      throw new UserError(
        `${files}: tensor ${name} [${shape.join(', ')}] is missing; the configuration is of a ${config.model_type} with ` +
          `${config.num_hidden_layers} layers.${hint}`,
      );
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new UserError(
        `${tensor.file}: tensor ${name} has the shape [${tensor.shape.join(', ')}], the configuration asks for ` +
          `[${shape.join(', ')}]. Weights and configuration are not of the same model.`,
      );
    }
  }
  for (const tensor of tensors.values()) {
    if (!expected.has(tensor.name)) {
      throw new UserError(
        `${tensor.file}: tensor ${tensor.name} [${tensor.shape.join(', ')}] is not part of a ${config.model_type} with ` +
          `${config.num_hidden_layers} layers: leaving it out would give other results than the model's own.`,
      );
    }
  }
}

/**
 * SHA-256 of configuration, tensor table and a sample of the weights. Fine-tunes of one model share configuration and shapes,
 * so every vector and three rows of every matrix go in; what differs in other rows alone is not seen.
 */
export async function identify(
  config: ModelConfig,
  tensors: ReadonlyMap<string, WeightInfo>,
  read: ModelSource['read'],
): Promise<string> {
  const sorted = [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const table = sorted.map(({ name, dtype, shape }) => `${name} ${dtype} ${shape.join('x')}`);
  const parts: Uint8Array[] = [new TextEncoder().encode(JSON.stringify([config, table]))];
  for (const { name, shape } of sorted) {
    const [rows = 0] = shape;
    if (shape.length < 2) parts.push(await read(name));
    else if (rows > 0)
      for (const first of new Set([0, rows >> 1, rows - 1])) parts.push(await read(name, { first, count: 1 }));
  }
  return sha256(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()));
}
