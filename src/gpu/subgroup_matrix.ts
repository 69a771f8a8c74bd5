/** Matrix units, through Dawn's experimental extension of WGSL. */

/** The feature's name; WebGPU's own list has none yet. */
export const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/** A product that the adapter has an instruction for: [M, K] times [K, N], summed in the result's type. */
export interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export interface SubgroupMatrices {
  readonly configs: readonly SubgroupMatrixConfig[];
  /** Whether the order of a matrix's elements is a template argument of the built-ins that load and store it, as in newer Dawn. */
  readonly templated: boolean;
}

/** The smallest module with a store in either form. */
function probe(templated: boolean): string {
  const store = templated
    ? 'subgroupMatrixStore<row_major>(&out, 0u, m, 8u)'
    : 'subgroupMatrixStore(&out, 0u, m, false, 8u)';
  return `enable chromium_experimental_subgroup_matrix;
var<workgroup> out: array<f32, 64>;
@compute @workgroup_size(128) fn main() { var m: subgroup_matrix_result<f32, 8, 8>; ${store}; }`;
}

/** What the device can do, and how its WGSL wants it said: a tiny module is compiled. Undefined where neither form compiles. */
export async function subgroupMatrices(
  device: GPUDevice,
  info: GPUAdapterInfo & { readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig> },
): Promise<SubgroupMatrices | undefined> {
  for (const templated of [true, false]) {
    device.pushErrorScope('validation');
    device.createShaderModule({ label: 'subgroup matrix probe', code: probe(templated) });
    if ((await device.popErrorScope()) === null) return { configs: [...(info.subgroupMatrixConfigs ?? [])], templated };
  }
  return undefined;
}
