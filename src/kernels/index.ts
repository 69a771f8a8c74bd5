import './adamw.ts';
import './attention.ts';
import './embedding.ts';
import './head.ts';
import './kv_write.ts';
import './linear.ts';
import './policy_loss.ts';
import './qk_norm.ts';
import './residual_add.ts';
import './rmsnorm.ts';
import './roofline.ts';
import './rope.ts';
import './row_layout.ts';
import './rows.ts';
import './sample.ts';
import './steering_grad.ts';
import './swiglu.ts';
import { assemble, definedKernels, type Kernel } from '../gpu/kernel.ts';
import type { DType } from '../gpu/tensor.ts';

export { definedKernels };

/** One shader as it goes to the compiler. */
export interface ShaderVariant {
  /** Unique, and fit for a file name. */
  readonly name: string;
  readonly wgsl: string;
  readonly kernel: Kernel;
}

const WEIGHT_DTYPES: readonly DType[] = ['f32', 'f16', 'bf16'];

/**
 * Every kernel with its default constants, once for each storage type that a weight of it may have; those that need
 * features which this adapter lacks are there too.
 */
export function allVariants(): ShaderVariant[] {
  return definedKernels().flatMap((kernel) => {
    const weights = kernel.bindingNames.filter((name) => kernel.bindings[name]?.endsWith(' weight'));
    if (weights.length === 0) return [{ name: kernel.name, wgsl: assemble(kernel, {}, {}), kernel }];
    return WEIGHT_DTYPES.map((dtype) => {
      const types = Object.fromEntries(weights.map((name) => [name, dtype]));
      return { name: `${kernel.name}.${dtype}`, wgsl: assemble(kernel, {}, types), kernel };
    });
  });
}
