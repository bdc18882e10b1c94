import { DataChoices } from '../figures/DataChoices.tsx';
import { Dialog } from './Dialog.tsx';

/** Another list to learn from: a bundled one, a file, or pasted text. */
export function DataPicker({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="What the model learns from" onClose={onClose}>
      <DataChoices onDone={onClose} />
    </Dialog>
  );
}
