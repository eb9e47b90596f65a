import type { ConfigValue, Settings } from './parse-config.ts';

/** Reads typed values from parsed settings; what has the wrong type is warned of, as libxlu does, and counts as absent. */
export class SettingsReader {
  private readonly settings: Settings;
  private readonly file: string;
  readonly warnings: string[] = [];

  constructor(settings: Settings, file: string) {
    this.settings = settings;
    this.file = file;
  }

  has(name: string): boolean {
    return this.settings.has(name);
  }

  /** A single value. */
  text(name: string): string | undefined {
    const setting = this.settings.get(name);
    if (setting === undefined) return undefined;
    if (typeof setting.value === 'string') return setting.value;
    this.warn(setting.line, `parameter \`${name}' is a list but should be a single value`);
    return undefined;
  }

  /** A whole number in C's notation (decimal, 0x, leading 0). */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const line = this.settings.get(name)?.line ?? 0;
    if (!/^[+-]?(0x[0-9a-f]+|\d+)$/i.test(text.trim())) {
      this.warn(line, `parameter \`${name}' is not a valid number`);
      return undefined;
    }
    const digits = text.trim();
    const value = /^[+-]?0\d/.test(digits)
      ? Number.parseInt(digits, 8)
      : /^[+-]/.test(digits) && /x/i.test(digits)
        ? Number.parseInt(digits, 16)
        : Number(digits);
    if (Number.isSafeInteger(value)) return value;
    this.warn(line, `parameter \`${name}' is not a valid number`);
    return undefined;
  }

  /** A value of any kind. */
  value(name: string): ConfigValue | undefined {
    return this.settings.get(name)?.value;
  }

  private warn(line: number, what: string): void {
    this.warnings.push(`${this.file}:${line}: warning: ${what}`);
  }
}
