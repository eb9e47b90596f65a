import { OperatorError, type OperatorErrorParts } from '../../base/operator-error.ts';

/** A kernel or initrd file that cannot be started; says what was found and what to do. */
export class ImageError extends OperatorError {
  override readonly name = 'ImageError';
}

/** Which file the error is about: `what` is "kernel" or "initrd", `path` as the operator gave it. */
export interface ImageSource {
  readonly what: 'kernel' | 'initrd';
  readonly path: string;
}

/** "the kernel vmlinuz". */
export const named = (source: ImageSource): string => `the ${source.what} ${source.path}`;

export function imageError(source: ImageSource, sentence: string, parts: OperatorErrorParts = {}): ImageError {
  return new ImageError(`${named(source)} ${sentence}`, parts);
}

const reasons: Readonly<Record<string, { sentence: string; hint: string }>> = {
  ENOENT: { sentence: 'does not exist', hint: 'Check the path (it is relative to the current directory).' },
  ENOTDIR: { sentence: 'does not exist', hint: 'A part of the path is a file, not a directory.' },
  EISDIR: { sentence: 'is a directory', hint: 'Give the path of the file itself.' },
  EACCES: { sentence: 'may not be read', hint: 'Give yourself read permission on it, or copy it to where you have it.' },
  EPERM: { sentence: 'may not be read', hint: 'Give yourself read permission on it, or copy it to where you have it.' },
};

/** The error for a file that the host could not read; `cause` is the host's error, with its errno name in `code`. */
export function unreadable(source: ImageSource, cause: unknown): ImageError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  const reason = reasons[code] ?? { sentence: 'cannot be read', hint: 'Check that the file and its disk are in order.' };
  return imageError(source, reason.sentence, { details: cause instanceof Error ? cause.message : undefined, hint: reason.hint, cause });
}
