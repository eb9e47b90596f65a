/**
 * A leveled logger. A line is a level, the name of the part that speaks, a sentence and optional data.
 * It has no clock: a sink that wants times asks its own, so that logging never disturbs determinism.
 */

/** From worst to most talkative. */
export const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogRecord {
  readonly level: Level;
  /** Dotted name of the part, such as `hypervisor.grants`. */
  readonly part: string;
  readonly message: string;
  /** Named values that belong to the message; numbers are printed in decimal, so give addresses as hex text. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** Where records go. A sink must not throw and must not log. */
export type LogSink = (record: LogRecord) => void;

export interface Logger {
  readonly part: string;
  error(message: string, data?: Readonly<Record<string, unknown>>): void;
  warn(message: string, data?: Readonly<Record<string, unknown>>): void;
  info(message: string, data?: Readonly<Record<string, unknown>>): void;
  debug(message: string, data?: Readonly<Record<string, unknown>>): void;
  trace(message: string, data?: Readonly<Record<string, unknown>>): void;
  /** Whether a record of `level` reaches any sink, for callers whose data is costly to make. */
  enabled(level: Level): boolean;
  /** A logger for a part of this part. */
  child(name: string): Logger;
}

export interface LoggerOptions {
  /** Records above this level are dropped. Default `info`. */
  readonly level?: Level;
  readonly sinks?: readonly LogSink[];
}

/** A logger that hands records of `level` and worse to every sink. Without sinks it is silent. */
export function createLogger(part: string, options: LoggerOptions = {}): Logger {
  const limit = LEVELS.indexOf(options.level ?? 'info');
  const sinks = options.sinks ?? [];
  const enabled = (level: Level): boolean => sinks.length > 0 && LEVELS.indexOf(level) <= limit;
  const at =
    (level: Level) =>
    (message: string, data?: Readonly<Record<string, unknown>>): void => {
      if (!enabled(level)) return;
      const record: LogRecord = { level, part, message, data };
      for (const sink of sinks) sink(record);
    };
  return {
    part,
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    enabled,
    child: (name) => createLogger(part === '' ? name : `${part}.${name}`, options),
  };
}

/** One line of text without a line end: `warn hypervisor.grants: text key=value`. */
export function formatRecord(record: LogRecord): string {
  let line = `${record.level} ${record.part}: ${record.message}`;
  for (const [key, value] of Object.entries(record.data ?? {})) line += ` ${key}=${typeof value === 'string' ? value : String(value)}`;
  return line;
}

/** A sink that keeps the last `limit` records (for dumps and for tests). */
export function memorySink(limit = 1000): { readonly sink: LogSink; readonly records: LogRecord[] } {
  const records: LogRecord[] = [];
  return {
    records,
    sink(record) {
      records.push(record);
      if (records.length > limit) records.shift();
    },
  };
}

/** A logger for code that was given none. */
export const silent: Logger = createLogger('');
