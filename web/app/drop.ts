import { loadModel, modelProblem, pickedModel } from './engine.ts';

/** Takes what is dropped anywhere on the page and is a model; views take what is theirs before, and stop the event. */
export function takeDroppedModels(): () => void {
  const allow = (event: DragEvent) => {
    // Text that is dragged into a field is the browser's.
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
  };
  const take = (event: DragEvent) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
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
  const folder = picked.find((one) => one instanceof FileSystemDirectoryHandle);
  if (folder) return void loadModel(pickedModel(folder.name, folder));
  const files = asked.map(({ file }) => file).filter((file) => file !== null);
  const gguf = files.find(({ name }) => /\.gguf$/i.test(name));
  if (gguf) return void loadModel(pickedModel(gguf.name, gguf));
  if (files.some(({ name }) => name === 'config.json')) return void loadModel(pickedModel('the dropped files', files));
  const what = files.length > 0 ? files.map(({ name }) => name).join(', ') : 'What was dropped';
  modelProblem.value =
    `${what} is no model: drop a .gguf file, a model's folder (config.json, tokenizer.json, model.safetensors), ` +
    'or vectors (.safetensors) onto the Steer view.';
}

/** Undefined where the browser knows no handles, or the item has none. */
export async function handleOf(item: DataTransferItem): Promise<FileSystemHandle | undefined> {
  const get = (item as { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> }).getAsFileSystemHandle;
  return (await get?.call(item).catch(() => null)) ?? undefined;
}
