import source from './space.wgsl?raw';
import { type Camera, viewProjection } from './space_camera.ts';
import { COLOURS, INSTANCE_BYTES, type Scene } from './space_scene.ts';

/** Red, green and blue from 0 to 1, as the canvas stores them. */
export type Rgb = readonly [number, number, number];

export interface Palette {
  readonly background: Rgb;
  readonly colours: Readonly<Record<keyof typeof COLOURS, Rgb>>;
}

export interface Picture {
  readonly camera: Camera;
  /** CSS pixels, and device pixels of one of them. */
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
}

const SAMPLES = 4;
const DEPTH = 'depth24plus';
/** The struct `View` of space.wgsl. */
const VIEW_BYTES = 240;

/** The 3D picture on a canvas, with a small GPU device of its own: what the engine computes it does not wait for, nor lose. */
export class SpaceRenderer {
  readonly #device: GPUDevice;
  readonly #context: GPUCanvasContext;
  readonly #pipeline: GPURenderPipeline;
  readonly #view: GPUBuffer;
  readonly #bindings: GPUBindGroup;
  #targets: { readonly colour: GPUTexture; readonly depth: GPUTexture } | undefined;
  #instances: { readonly buffer: GPUBuffer; readonly scene: Scene } | undefined;
  #disposed = false;

  private constructor(
    device: GPUDevice,
    context: GPUCanvasContext,
    format: GPUTextureFormat,
    pipeline: GPURenderPipeline,
  ) {
    this.#device = device;
    this.#context = context;
    this.#pipeline = pipeline;
    this.#view = device.createBuffer({ size: VIEW_BYTES, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.#bindings = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: this.#view } }],
    });
    context.configure({ device, format, alphaMode: 'opaque' });
  }

  /**
   * @param onLost the device went away by itself: open another
   * @throws Error that says what is missing for a picture
   */
  static async open(canvas: HTMLCanvasElement, onLost: () => void): Promise<SpaceRenderer> {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) throw new Error('this page has no WebGPU adapter');
    const context = canvas.getContext('webgpu');
    if (!context) throw new Error('this browser draws no WebGPU canvas');
    const device = await adapter.requestDevice({ label: 'space' });
    const format = navigator.gpu.getPreferredCanvasFormat();
    const renderer = new SpaceRenderer(device, context, format, await pipelineOf(device, format));
    void device.lost.then(() => {
      if (!renderer.#disposed) onLost();
    });
    return renderer;
  }

  draw(scene: Scene, { background, colours }: Palette, { camera, width, height, ratio }: Picture): void {
    const canvas = this.#context.canvas;
    const most = this.#device.limits.maxTextureDimension2D;
    const size = [width, height].map((x) => Math.min(most, Math.max(1, Math.round(x * ratio)))) as [number, number];
    if (canvas.width !== size[0]) canvas.width = size[0];
    if (canvas.height !== size[1]) canvas.height = size[1];

    const view = new Float32Array(VIEW_BYTES / 4);
    view.set(viewProjection(camera, width / height), 0);
    view.set([...size, ratio, camera.distance], 16);
    view.set([camera.distance - 0.2, camera.distance + 1.4, 0.68, 0], 20);
    view.set(background, 24);
    for (const name of Object.keys(COLOURS) as (keyof typeof COLOURS)[])
      view.set(colours[name], 28 + 4 * COLOURS[name]);
    this.#device.queue.writeBuffer(this.#view, 0, view);

    const { colour, depth } = this.#targetsOf(size);
    const buffer = this.#instancesOf(scene);
    const [r, g, b] = background;
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginRenderPass({
      colorAttachments: [
        {
          view: colour.createView(),
          resolveTarget: this.#context.getCurrentTexture().createView(),
          clearValue: { r, g, b, a: 1 },
          loadOp: 'clear',
          storeOp: 'discard',
        },
      ],
      depthStencilAttachment: {
        view: depth.createView(),
        depthClearValue: 1,
        depthLoadOp: 'clear',
        depthStoreOp: 'discard',
      },
    });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#bindings);
    pass.setVertexBuffer(0, buffer);
    pass.draw(4, scene.count);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.#disposed = true;
    this.#context.unconfigure();
    this.#device.destroy();
  }

  #targetsOf([width, height]: readonly [number, number]) {
    if (this.#targets?.colour.width === width && this.#targets.colour.height === height) return this.#targets;
    this.#targets?.colour.destroy();
    this.#targets?.depth.destroy();
    const target = (format: GPUTextureFormat) =>
      this.#device.createTexture({
        size: [width, height],
        format,
        sampleCount: SAMPLES,
        usage: GPUTextureUsage.RENDER_ATTACHMENT,
      });
    this.#targets = { colour: target(navigator.gpu.getPreferredCanvasFormat()), depth: target(DEPTH) };
    return this.#targets;
  }

  #instancesOf(scene: Scene): GPUBuffer {
    if (this.#instances?.scene === scene) return this.#instances.buffer;
    let buffer = this.#instances?.buffer;
    const bytes = scene.instances.byteLength;
    if (!buffer || buffer.size < bytes) {
      buffer?.destroy();
      buffer = this.#device.createBuffer({ size: bytes, usage: GPUBufferUsage.VERTEX | GPUBufferUsage.COPY_DST });
    }
    this.#device.queue.writeBuffer(buffer, 0, scene.instances);
    this.#instances = { buffer, scene };
    return buffer;
  }
}

async function pipelineOf(device: GPUDevice, format: GPUTextureFormat): Promise<GPURenderPipeline> {
  const module = device.createShaderModule({ label: 'space.wgsl', code: source });
  return device.createRenderPipelineAsync({
    label: 'space',
    layout: 'auto',
    vertex: {
      module,
      buffers: [
        {
          arrayStride: INSTANCE_BYTES,
          stepMode: 'instance',
          attributes: [
            { shaderLocation: 0, offset: 0, format: 'float32x3' },
            { shaderLocation: 1, offset: 12, format: 'float32x3' },
            { shaderLocation: 2, offset: 24, format: 'float32' },
            { shaderLocation: 3, offset: 28, format: 'float32' },
            { shaderLocation: 4, offset: 32, format: 'uint32' },
            { shaderLocation: 5, offset: 36, format: 'uint32' },
          ],
        },
      ],
    },
    fragment: { module, targets: [{ format }] },
    primitive: { topology: 'triangle-strip' },
    depthStencil: { format: DEPTH, depthWriteEnabled: true, depthCompare: 'less-equal' },
    multisample: { count: SAMPLES, alphaToCoverageEnabled: true },
  });
}
