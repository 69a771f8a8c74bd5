import { loadModel, pickedModel } from '../../app/engine.ts';
import { Card } from '../../ui/card.tsx';
import { FileButton } from '../../ui/file_button.tsx';

/** The File System Access API, where the browser has it: a folder is then read by the names of its files. */
interface Pickers {
  showDirectoryPicker?(options: { id: string }): Promise<FileSystemDirectoryHandle>;
}

export function FromComputer({ busy }: { busy: boolean }) {
  return (
    <Card
      title="From this computer"
      sub="A .gguf file, or a folder with config.json, tokenizer.json and safetensors. Drop it anywhere on this page, or choose it. It is read where it is, and goes nowhere else."
    >
      <div class="row">
        <FileButton
          accept=".gguf"
          disabled={busy}
          onFiles={([file]) => file && void loadModel(pickedModel(file.name, file))}
        >
          GGUF file…
        </FileButton>
        <FileButton folder disabled={busy} choose={chooseFolder} onFiles={openFolder}>
          Folder…
        </FileButton>
      </div>
    </Card>
  );
}

const { showDirectoryPicker } = globalThis as Pickers;

/** Undefined where the browser has no such dialogue. */
const chooseFolder =
  showDirectoryPicker &&
  (async () => {
    try {
      const folder = await showDirectoryPicker.call(globalThis, { id: 'model' });
      await loadModel(pickedModel(folder.name, folder));
    } catch (error) {
      // Closing the dialogue is no mistake.
      if ((error as DOMException).name !== 'AbortError') throw error;
    }
  });

function openFolder(files: File[]): void {
  void loadModel(pickedModel(files[0]?.webkitRelativePath.split('/')[0] || 'the folder', files));
}
