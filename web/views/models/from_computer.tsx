import { useRef } from 'preact/hooks';
import { engine, loadModel } from '../../app/engine.ts';

/** The File System Access API, where the browser has it: a handle outlives a change of the file, and folders are read by name. */
interface Pickers {
  showDirectoryPicker?(options: { id: string }): Promise<FileSystemDirectoryHandle>;
}

export function FromComputer({ busy }: { busy: boolean }) {
  const file = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const open = (name: string, picked: FileSystemDirectoryHandle | File | readonly File[]) =>
    loadModel({ name, load: () => engine().models.loadPicked(picked) });
  const openFolder = async () => {
    const { showDirectoryPicker } = window as Pickers;
    if (!showDirectoryPicker) return folder.current?.click();
    try {
      const picked = await showDirectoryPicker.call(window, { id: 'model' });
      await open(picked.name, picked);
    } catch (error) {
      // Closing the dialogue is no mistake.
      if ((error as DOMException).name !== 'AbortError') throw error;
    }
  };
  const picked = (input: HTMLInputElement) => {
    const files = [...(input.files ?? [])];
    const [first] = files;
    input.value = '';
    if (!first) return;
    void open(first.webkitRelativePath.split('/')[0] || first.name, input === file.current ? first : files);
  };
  return (
    <article class="card">
      <h2>From this computer</h2>
      <p class="sub">
        A .gguf file or a folder with config.json, tokenizer.json and safetensors. Dropping it anywhere works too.
      </p>
      <div class="row">
        <button type="button" disabled={busy} onClick={() => file.current?.click()}>
          GGUF file…
        </button>
        <button type="button" disabled={busy} onClick={() => void openFolder()}>
          Folder…
        </button>
      </div>
      <input
        ref={file}
        id="model-file"
        type="file"
        accept=".gguf"
        hidden
        onChange={(event) => picked(event.currentTarget)}
      />
      <input
        ref={folder}
        id="model-folder"
        type="file"
        multiple
        hidden
        {...{ webkitdirectory: true }}
        onChange={(event) => picked(event.currentTarget)}
      />
    </article>
  );
}
