import { isNode } from '#platform';
import { Device, type DeviceOptions } from './device.ts';
import { UserError } from './errors.ts';
import { SUBGROUP_MATRIX, subgroupMatrices } from './subgroup_matrix.ts';

/** Whether an adapter computes on the CPU: kernels then take their variants for few lanes. */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|software|\bwarp\b|basic render/i.test(text);
}

/** What kernels are written for: the limits that WebGPU promises of every adapter but those of its compatibility mode. */
const NEEDED: Readonly<Record<string, number>> = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxBufferSize: 256 * 2 ** 20,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
};

/** @throws UserError for an adapter that offers less than the kernels need, with every such limit and its value */
function checkLimits({ limits, info }: GPUAdapter): void {
  const short = Object.entries(NEEDED).flatMap(([name, needed]) => {
    const offered = limits[name as keyof GPUSupportedLimits] as number;
    return offered < needed ? [`${name} is ${offered} where ${needed} is needed`] : [];
  });
  if (short.length === 0) return;
  throw new UserError(
    `The GPU ${info.description || info.device || info.vendor} does not offer what the kernels need: ${short.join('; ')}. ` +
      'Use another GPU or a newer driver; what needs no GPU, such as reading the reports of finished runs, still works.',
  );
}

/**
 * Takes the adapter's largest limits and the optional features that kernels use.
 *
 * @throws UserError where there is no adapter, or one without the limits needed
 */
export async function openDevice(gpu: GPU, options: DeviceOptions = {}): Promise<Device> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new UserError(
      isNode
        ? 'No WebGPU adapter was found. `npx trimtab doctor` shows what is missing and what to install. A program of your own gets SwiftShader, ' +
            'on the CPU, when it is started with `node --import trimtab/adapter`.'
        : 'This browser knows WebGPU, but has no adapter to run it on. On Linux start Chrome with --enable-unsafe-webgpu ' +
            '--enable-features=Vulkan; elsewhere switch on "Use graphics acceleration when available" in its settings. ' +
            'chrome://gpu says what it found.',
    );
  }
  checkLimits(adapter);
  const without = new Set(options.without ?? []);
  const wanted: [GPUFeatureName, 'f16' | 'subgroups' | 'timestamp' | 'subgroupMatrix'][] = [
    ['shader-f16', 'f16'],
    ['subgroups', 'subgroups'],
    ['timestamp-query', 'timestamp'],
    [SUBGROUP_MATRIX, 'subgroupMatrix'],
  ];
  const features = wanted.filter(([name, key]) => adapter.features.has(name) && !without.has(key));
  const has = (key: string) => features.some(([, k]) => k === key);
  const limits = adapter.limits;
  const names = [
    'maxStorageBufferBindingSize',
    'maxBufferSize',
    'maxComputeInvocationsPerWorkgroup',
    'maxComputeWorkgroupSizeX',
    'maxComputeWorkgroupStorageSize',
    'maxStorageBuffersPerShaderStage',
  ] as const;
  const device = await adapter.requestDevice({
    requiredFeatures: features.map(([name]) => name),
    requiredLimits: Object.fromEntries(names.map((name) => [name, limits[name]])),
  });
  const info = adapter.info;
  const subgroupMatrix = has('subgroupMatrix') ? await subgroupMatrices(device, info) : undefined;
  const adapterName =
    [info.description, info.device].find((text) => text) || [info.vendor, info.architecture].filter(Boolean).join(' ');
  return new Device(
    device,
    {
      adapter: adapterName || 'unnamed adapter',
      identity: [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' '),
      isSoftware: isSoftwareAdapter(info),
      f16: has('f16'),
      subgroups: has('subgroups'),
      subgroupMinSize: info.subgroupMinSize ?? 4,
      subgroupMaxSize: info.subgroupMaxSize ?? 128,
      timestamp: has('timestamp'),
      ...(subgroupMatrix && { subgroupMatrix }),
      maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
      maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
      maxBinding: Math.min(
        limits.maxStorageBufferBindingSize,
        2 ** 32 - 4,
        options.maxBinding ?? Number.POSITIVE_INFINITY,
      ),
      maxBuffer: limits.maxBufferSize,
    },
    options,
  );
}
