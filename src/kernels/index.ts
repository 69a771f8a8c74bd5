import './adamw.ts';
import './attention.ts';
import './attention_backward.ts';
import './attention_map.ts';
import './attention_pieces.ts';
import './decode_advance.ts';
import './decode_rows.ts';
import './embedding.ts';
import './half_rows.ts';
import './head.ts';
import './linear.ts';
import './path_keys.ts';
import './policy_loss.ts';
import './qk_norm.ts';
import './residual_add.ts';
import './rmsnorm.ts';
import './roofline.ts';
import './rope.ts';
import './rope_kv.ts';
import './rows.ts';
import './sample.ts';
import './softmax_kl.ts';
import './steering_grad.ts';
import './swiglu.ts';
import './top_k.ts';
import { WEIGHT_TYPES } from '../gpu/blocks.ts';
import { assemble, definedKernels, type Kernel } from '../gpu/kernel.ts';

export { definedKernels };

/** One shader as it goes to the compiler. */
interface ShaderVariant {
  /** Unique, and fit for a file name. */
  readonly name: string;
  readonly wgsl: string;
  readonly kernel: Kernel;
}

/**
 * Every kernel with its default constants, once for each storage type that a weight of it may have; those that need
 * features which this adapter lacks are there too.
 */
export function allVariants(): ShaderVariant[] {
  return definedKernels().flatMap((kernel) => {
    if (!kernel.readsWeight) return [{ name: kernel.name, wgsl: assemble(kernel, {}), kernel }];
    return WEIGHT_TYPES.map((type) => ({
      name: `${kernel.name}.${type}`,
      wgsl: assemble(kernel, {}, type),
      kernel,
    }));
  });
}
