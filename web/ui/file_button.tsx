import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Button } from './button.tsx';

interface FileButtonProps {
  /** Such as `.gguf,.safetensors`; every file where nothing is said. */
  readonly accept?: string;
  readonly multiple?: boolean;
  /** All files of a folder. */
  readonly folder?: boolean;
  /** Asks in another way than with the input, which is left for browsers that lack it. */
  readonly choose?: () => Promise<void>;
  readonly kind?: 'primary' | 'quiet';
  readonly small?: boolean;
  readonly disabled?: boolean;
  readonly onFiles: (files: File[]) => void;
  readonly children: ComponentChildren;
}

/** A button that asks for files. */
export function FileButton({ accept, multiple, folder, choose, onFiles, children, ...button }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button {...button} onClick={() => (choose ? void choose() : input.current?.click())}>
        {children}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={multiple}
        {...(folder && { webkitdirectory: true })}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          // The same file may be chosen again after it was mended.
          currentTarget.value = '';
          if (files.length > 0) onFiles(files);
        }}
      />
    </>
  );
}

interface DropzoneProps {
  readonly onFiles: (files: File[]) => void;
  /** What may be dropped here, and a `FileButton` for those who do not drag. */
  readonly children: ComponentChildren;
}

/** A place that takes dropped files; it shows that it would while they are above it. */
export function Dropzone({ onFiles, children }: DropzoneProps) {
  const [over, setOver] = useState(false);
  const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping needs a pointer; the button inside is for everyone
    <div
      class="dropzone"
      data-over={over}
      onDragOver={(event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        event.stopPropagation();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        setOver(false);
        const files = [...(event.dataTransfer?.files ?? [])];
        if (files.length === 0) return;
        event.preventDefault();
        event.stopPropagation();
        onFiles(files);
      }}
    >
      {children}
    </div>
  );
}
