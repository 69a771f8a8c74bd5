import { engine, loadModel, modelProblem } from './engine.ts';
import { go } from './routes.ts';

/** Takes what is dropped anywhere on the page and is a model; views take what is theirs before, and stop the event. */
export function takeDroppedModels(): () => void {
  const allow = (event: DragEvent) => event.preventDefault();
  const take = (event: DragEvent) => {
    if (event.defaultPrevented || !event.dataTransfer) return;
    event.preventDefault();
    void openDropped([...event.dataTransfer.items]);
  };
  addEventListener('dragover', allow);
  addEventListener('drop', take);
  return () => {
    removeEventListener('dragover', allow);
    removeEventListener('drop', take);
  };
}

async function openDropped(items: readonly DataTransferItem[]): Promise<void> {
  // Both have to be asked for before the event is over.
  const asked = items.map((item) => ({ file: item.getAsFile(), handle: handleOf(item) }));
  const picked = await Promise.all(asked.map(async ({ file, handle }) => (await handle) ?? file));
  const [first] = picked;
  if (picked.length === 1 && first instanceof FileSystemDirectoryHandle) return load(first.name, first);
  const files = picked
    .map((one, i) => (one instanceof File ? one : asked[i]?.file))
    .filter((file) => file instanceof File);
  const gguf = files.find(({ name }) => /\.gguf$/i.test(name));
  if (gguf) return load(gguf.name, gguf);
  if (files.some(({ name }) => name === 'config.json')) return load('the dropped files', files);
  const what = files.length > 0 ? files.map(({ name }) => name).join(', ') : 'What was dropped';
  modelProblem.value =
    `${what} is no model: drop a .gguf file, a model's folder (config.json, tokenizer.json, model.safetensors), ` +
    'or vectors (.safetensors) onto the Steer view.';
}

/** Undefined where the browser knows no handles, or the item has none. */
async function handleOf(item: DataTransferItem): Promise<FileSystemHandle | undefined> {
  const get = (item as { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> }).getAsFileSystemHandle;
  return (await get?.call(item).catch(() => null)) ?? undefined;
}

async function load(name: string, picked: FileSystemDirectoryHandle | File | readonly File[]): Promise<void> {
  const done = await loadModel({ name, load: () => engine().models.loadPicked(picked) });
  if (!done) go('models');
}
