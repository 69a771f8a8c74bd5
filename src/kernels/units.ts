import type { Device } from '../gpu/device.ts';
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

/** A unit kernel in sixteens as well. */
export interface WideKernel extends UnitKernel {
  readonly mat4x4: Kernel;
}

/** Declares all widths of a kernel whose loads and stores are of `Wide` (shaders/common/unit16.wgsl). */
export function defineWideKernel<const P extends Readonly<Record<string, ParamType>>, const C extends Constants>(
  declaration: KernelDeclaration<P, C>,
): WideKernel {
  const include = declaration.include ?? [];
  return {
    ...defineUnitKernel(declaration),
    mat4x4: defineKernel({ ...declaration, name: `${declaration.name}_sixteens`, include: ['unit16', ...include] }),
  };
}

/** As `unitKernel`; a processor takes sixteen floats at a time where rows are made of them. */
export function wideKernel(
  { caps }: Pick<Device, 'caps'>,
  kernel: WideKernel,
  c: number,
): { kernel: Kernel; units: number } {
  return caps.isSoftware && c % 16 === 0 ? { kernel: kernel.mat4x4, units: c / 16 } : unitKernel(kernel, c);
}
