/** Steering vectors in the forms that other programs read. The factor on the vectors is folded into the numbers. */
import { UserError } from '../gpu/errors.ts';
import { writeSafetensors } from './safetensors.ts';
import type { SteeringFile } from './steering.ts';

/** Scaled vectors, one [C] a layer. */
function layersOf({ vectors, numLayers, hiddenSize }: SteeringFile, scale: number): Float32Array[] {
  return Array.from({ length: numLayers }, (_, l) =>
    vectors.subarray(l * hiddenSize, (l + 1) * hiddenSize).map((x) => x * scale),
  );
}

function isZero(vector: Float32Array): boolean {
  return vector.every((x) => x === 0);
}

/**
 * Safetensors with `model.layers.{i}.mlp.down_proj.bias` [C], F32: a bias there is what a vector after the layer equals. Layers of
 * zeros are left out.
 */
export function encodeDownProjBiases(file: SteeringFile, scale: number): Uint8Array<ArrayBuffer> {
  const tensors = layersOf(file, scale).flatMap((data, l) =>
    isZero(data)
      ? []
      : [{ name: `model.layers.${l}.mlp.down_proj.bias`, dtype: 'F32' as const, shape: [file.hiddenSize], data }],
  );
  return writeSafetensors(tensors, {
    format: 'pt',
    ...(file.metadata.model && { trimtab_model: file.metadata.model }),
  });
}

/** The two files of a PEFT adapter of type BEFT (PEFT 0.20 and newer), which adds a bias to the output of each `down_proj`. */
export function encodePeftAdapter(
  file: SteeringFile,
  scale: number,
  baseModel: string,
): { 'adapter_config.json': string; 'adapter_model.safetensors': Uint8Array<ArrayBuffer> } {
  const config = {
    peft_type: 'BEFT',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    target_modules: ['down_proj'],
    init_weights: true,
    inference_mode: true,
  };
  const tensors = layersOf(file, scale).map((data, l) => ({
    name: `base_model.model.model.layers.${l}.mlp.down_proj.beft_bias`,
    dtype: 'F32' as const,
    shape: [1, file.hiddenSize],
    data,
  }));
  return {
    'adapter_config.json': `${JSON.stringify(config, null, 2)}\n`,
    'adapter_model.safetensors': writeSafetensors(tensors, { format: 'pt' }),
  };
}

const GGUF_ALIGNMENT = 32;
const GGUF_F32 = 0;

/**
 * A control vector of llama.cpp: tensors `direction.{l}` [C], F32, added to the residual stream after block l (from 0) at every
 * position. llama.cpp has none for block 0 and refuses a file that names one. Layers of zeros are left out.
 *
 * @param architecture llama.cpp's name of it, such as `qwen2`
 * @param dropLayer0 leaves the vector of layer 0 out where there is one
 * @throws UserError for a vector of layer 0 that is not to be dropped, or where none is left
 */
export async function encodeControlVector(
  file: SteeringFile,
  scale: number,
  options: { architecture: string; dropLayer0: boolean; where: string },
): Promise<Uint8Array<ArrayBuffer>> {
  const { architecture, dropLayer0, where } = options;
  const layers = layersOf(file, scale);
  if (!isZero(layers[0] as Float32Array) && !dropLayer0) {
    throw new UserError(
      `${where} has a vector of layer 0, and llama.cpp's control vectors begin with layer 1: a file with direction.0 is refused there. ` +
        'Give --drop-layer-0 to export the others (measure first what is lost: --layers 1,2,… in training), or --format peft or hf, which hold all.',
    );
  }
  const kept = layers.flatMap((data, l) => (l === 0 || isZero(data) ? [] : [{ name: `direction.${l}`, data }]));
  if (kept.length === 0)
    throw new UserError(`${where} has no vector that is not zero behind layer 0: there is nothing to export.`);
  const { GGUFValueType, serializeGgufMetadata } = await import('@huggingface/gguf');
  const text = (value: string) => ({ value, type: GGUFValueType.STRING });
  const header = serializeGgufMetadata(
    {
      version: { value: 3, type: GGUFValueType.UINT32 },
      tensor_count: { value: BigInt(kept.length), type: GGUFValueType.UINT64 },
      kv_count: { value: 3n, type: GGUFValueType.UINT64 },
      'general.architecture': text('controlvector'),
      'controlvector.model_hint': text(architecture),
      'controlvector.layer_count': { value: file.numLayers, type: GGUFValueType.INT32 },
      // The library's types know the architectures of models only.
    } as unknown as Parameters<typeof serializeGgufMetadata>[0],
    { alignment: 1 },
  );
  return ggufFile(header, kept);
}

/** Metadata, the table of tensors (name, one dimension, type, offset), and their aligned data. */
function ggufFile(
  header: Uint8Array,
  tensors: readonly { name: string; data: Float32Array }[],
): Uint8Array<ArrayBuffer> {
  const padded = (size: number) => Math.ceil(size / GGUF_ALIGNMENT) * GGUF_ALIGNMENT;
  const names = tensors.map(({ name }) => new TextEncoder().encode(name));
  const tableBytes = names.reduce((sum, name) => sum + 8 + name.length + 4 + 8 + 4 + 8, 0);
  const dataStart = padded(header.length + tableBytes);
  const end = tensors.reduce((at, { data }) => at + padded(data.byteLength), dataStart);
  const out = new Uint8Array(end);
  const view = new DataView(out.buffer);
  out.set(header);
  let at = header.length;
  let offset = 0;
  tensors.forEach(({ data }, i) => {
    const name = names[i] as Uint8Array;
    view.setBigUint64(at, BigInt(name.length), true);
    out.set(name, at + 8);
    at += 8 + name.length;
    view.setUint32(at, 1, true);
    view.setBigUint64(at + 4, BigInt(data.length), true);
    view.setUint32(at + 12, GGUF_F32, true);
    view.setBigUint64(at + 16, BigInt(offset), true);
    at += 24;
    for (const [j, x] of data.entries()) view.setFloat32(dataStart + offset + 4 * j, x, true);
    offset += padded(data.byteLength);
  });
  return out;
}
