import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
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
