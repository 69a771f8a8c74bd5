import type { ConfigKeys } from '../config_keys.ts';

/** What decoders differ in, beyond their sizes. Each is computed by `layerBranches` (transformer.ts) and has its tensors in `expectedTensors`. */
export interface Traits {
  /** Whether q, k and v have a bias. */
  readonly attention_bias: boolean;
  /** Whether o_proj has one too. */
  readonly o_proj_bias: boolean;
  /** Whether gate, up and down have a bias. */
  readonly mlp_bias: boolean;
  /** Whether every head of q and k has an RMSNorm of its own before the rotation. */
  readonly qk_norm: boolean;
  /** Positions that a token sees, where that is not all before it; such a model runs within its window only. */
  readonly sliding_window?: number;
}

/** A decoder family: one file, listed in index.ts, tells it from the others. */
export interface Family {
  /** `model_type` of config.json. */
  readonly model_type: string;
  /** What `architectures` of config.json may name: the language models of the family, not its classifiers. */
  readonly architectures: readonly string[];
  /** What transformers takes for keys that config.json leaves out; every other size is required. */
  readonly defaults: {
    readonly max_position_embeddings: number;
    /** The number of query heads where it is not given. */
    readonly num_key_value_heads?: number;
    /** hidden_size / num_attention_heads where it is not given. */
    readonly head_dim?: number;
    readonly bos_token_id?: number;
    readonly eos_token_id?: number;
  };
  /**
   * What the family's own keys mean.
   * @throws UserError naming the key, for a switch that would change a number and is not computed
   */
  traits(keys: ConfigKeys): Traits;
  /** Tokens that end a turn or a text, whatever eos_token_id says, where the tokenizer has them as special tokens. */
  readonly stopTokens: readonly string[];
  /** Missing where llama.cpp has no architecture of its own for the family. */
  readonly gguf?: {
    /** `general.architecture`, which is the prefix of the metadata keys too. */
    readonly architecture: string;
    /** Whether llama.cpp's converter reorders the rows of q and k, so that the pairs of the rotation are neighbours. */
    readonly permutesRows: boolean;
  };
}
