/** Where a model's weights, configuration and vocabulary come from: a Hugging Face folder or a GGUF file. */
import { UserError } from '../gpu/errors.ts';
import { parseConfig } from './config.ts';
import {
  type ModelFolder,
  named,
  type RandomAccess,
  readExactly,
  readJson,
  readJsonIfThere,
  readTextIfThere,
} from './files.ts';
import { openGguf } from './gguf.ts';
import { isGguf } from './gguf_header.ts';
import { readSafetensorsHeader, type SafetensorsEntry } from './safetensors.ts';
import { stopTokenIds } from './stop_tokens.ts';
import { identify, isIgnored, type ModelSource, type TokenizerData, type WeightInfo } from './weight_table.ts';

const DTYPES: Readonly<Record<string, WeightInfo['dtype']>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

/**
 * Opens a folder (config.json, model.safetensors or its shards, tokenizer.json) or a .gguf file. Reads headers, not weights.
 * @throws UserError when something is missing, broken or not supported
 */
export async function openModelSource(from: ModelFolder | RandomAccess): Promise<ModelSource> {
  if ('open' in from) {
    return openHuggingFace(from);
  }
  await checkGguf(from);
  return openGguf(from);
}

/** @throws UserError when the file is no GGUF file */
export async function checkGguf(from: RandomAccess): Promise<void> {
  if (await isGguf(from)) {
    return;
  }
  const start = await readExactly(from, 0, Math.min(4, from.size));
  const hex = [...start].map((byte) => byte.toString(16).padStart(2, '0')).join(' ') || 'nothing';
  throw new UserError(
    `${from.name} is not a GGUF file: it begins with ${hex}, not with 47 47 55 46 ("GGUF"). ` +
      'For safetensors give the folder, which has config.json and tokenizer.json too.',
  );
}

async function openHuggingFace(folder: ModelFolder): Promise<ModelSource> {
  const generation = await readJsonIfThere(folder, 'generation_config.json');
  const config = parseConfig(await readJson(folder, 'config.json'), `${folder.name}/config.json`, generation);
  const files = await openWeightFiles(folder);
  const close = async () => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    const tensors = new Map<string, WeightInfo>();
    const places = new Map<string, { file: RandomAccess; entry: SafetensorsEntry }>();
    for (const file of files) {
      for (const [name, entry] of (await readSafetensorsHeader(file)).tensors) {
        if (isIgnored(name, config)) {
          continue;
        }
        const dtype = DTYPES[entry.dtype];
        if (!dtype) {
          throw new UserError(
            `${file.name}: tensor ${name} is ${entry.dtype}. Supported: ${Object.keys(DTYPES).join(', ')}.`,
          );
        }
        if (places.has(name)) {
          throw new UserError(`Tensor ${name} is in both ${places.get(name)?.file.name} and ${file.name}.`);
        }
        tensors.set(name, { name, dtype, shape: entry.shape, file: file.name });
        places.set(name, { file, entry });
      }
    }
    const read: ModelSource['read'] = async (name, rows) => {
      const place = places.get(name);
      if (!place) {
        throw new UserError(`${folder.name} has no tensor ${name}.`);
      }
      const { begin, end, shape } = place.entry;
      const rowBytes = (end - begin) / Math.max(1, shape[0] ?? 1);
      const { first, count } = rows ?? { first: 0, count: shape[0] ?? 1 };
      return readExactly(place.file, begin + first * rowBytes, count * rowBytes);
    };
    const tokenizer = await readTokenizer(folder);
    return {
      name: folder.name,
      config,
      tensors,
      read,
      ...tokenizer,
      generation: { eos_token_id: stopTokenIds(config, tokenizer.tokenizer) },
      identity: await identify(config, tensors, read),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openWeightFiles(folder: ModelFolder): Promise<RandomAccess[]> {
  const single = await folder.open('model.safetensors');
  if (single) {
    return [named(single, `${folder.name}/model.safetensors`)];
  }
  const index = await readJsonIfThere(folder, 'model.safetensors.index.json');
  if (index === undefined) {
    throw new UserError(
      `${folder.name} has neither model.safetensors nor model.safetensors.index.json. Weights are read as safetensors or, from a single file, as GGUF.`,
    );
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null || Object.values(map).some((file) => typeof file !== 'string')) {
    throw new UserError(`${folder.name}/model.safetensors.index.json: weight_map must map tensors to files.`);
  }
  const names = new Set(Object.values(map as Record<string, string>));
  checkShards(names, `${folder.name}/model.safetensors.index.json`);
  const files: RandomAccess[] = [];
  for (const name of names) {
    const file = await folder.open(name);
    if (!file) {
      await Promise.all(files.map((opened) => opened.close()));
      throw new UserError(
        `${folder.name} has no ${name}, which its model.safetensors.index.json names. Download it too.`,
      );
    }
    files.push(named(file, `${folder.name}/${name}`));
  }
  return files;
}

/** Shards say in their names how many there are. */
function checkShards(names: ReadonlySet<string>, where: string): void {
  for (const name of names) {
    const [, begin, digits = '', total] = /^(.*-)(\d+)-of-(\d+)\.safetensors$/.exec(name) ?? [];
    for (let i = 1; i <= Number(total ?? 0); i++) {
      const shard = `${begin}${String(i).padStart(digits.length, '0')}-of-${total}.safetensors`;
      if (!names.has(shard)) {
        throw new UserError(
          `${where} names no tensor of ${shard}, though ${name} is one of ${Number(total)}. Download the index again.`,
        );
      }
    }
  }
}

const CONFIG_FILE = 'tokenizer_config.json';
const TEMPLATE_FILE = 'chat_template.jinja';

/** The tokenizer of a folder, or why there is none. */
export async function readTokenizer(folder: ModelFolder): Promise<Pick<ModelSource, 'tokenizer' | 'noTokenizer'>> {
  const json = await readJsonIfThere(folder, 'tokenizer.json');
  if (json === undefined) {
    return {
      noTokenizer: `${folder.name} has no tokenizer.json: copy the one that was published with the model into the folder.`,
    };
  }
  const config = ((await readJsonIfThere(folder, CONFIG_FILE)) ?? {}) as Record<string, unknown>;
  const bos_token = tokenText(config.bos_token);
  const eos_token = tokenText(config.eos_token);
  const own = await readTextIfThere(folder, TEMPLATE_FILE);
  const chat_template = own ?? templateText(config.chat_template);
  const templateWhere =
    own === undefined ? `chat_template of ${folder.name}/${CONFIG_FILE}` : `${folder.name}/${TEMPLATE_FILE}`;
  const tokenizer: TokenizerData = {
    json,
    ...(bos_token !== undefined && { bos_token }),
    ...(eos_token !== undefined && { eos_token }),
    ...(chat_template !== undefined && { chat_template, templateWhere }),
    where: `${folder.name}/tokenizer.json`,
  };
  return { tokenizer };
}

/** tokenizer_config.json has a token as text or as an object. */
function tokenText(token: unknown): string | undefined {
  const text = typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token;
  return typeof text === 'string' ? text : undefined;
}

/** tokenizer_config.json has one template, or a list of named ones. */
function templateText(template: unknown): string | undefined {
  if (Array.isArray(template)) {
    const chosen = template.find((entry) => entry?.name === 'default') ?? template[0];
    return templateText(chosen?.template);
  }
  return typeof template === 'string' ? template : undefined;
}
