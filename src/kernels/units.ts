import { type Constants, defineKernel, type Kernel, type KernelDeclaration, type ParamType } from '../gpu/kernel.ts';

/** One kernel in two widths: vec4 where rows are a multiple of 4 floats long, scalar for all others. */
export interface UnitKernel {
  readonly vec4: Kernel;
  readonly scalar: Kernel;
}

/** Declares both widths of a kernel written against `Unit`, `WIDTH` and `unit_sum` (shaders/common/unit4.wgsl, unit1.wgsl). */
export function defineUnitKernel<const P extends Readonly<Record<string, ParamType>>, const C extends Constants>(
  declaration: KernelDeclaration<P, C>,
): UnitKernel {
  const include = declaration.include ?? [];
  return {
    vec4: defineKernel({ ...declaration, include: ['unit4', ...include] }),
    scalar: defineKernel({ ...declaration, name: `${declaration.name}_scalar`, include: ['unit1', ...include] }),
  };
}

/** The kernel for rows of `c` floats, and how many units such a row has. */
export function unitKernel(kernel: UnitKernel, c: number): { kernel: Kernel; units: number } {
  return c % 4 === 0 ? { kernel: kernel.vec4, units: c / 4 } : { kernel: kernel.scalar, units: c };
}
