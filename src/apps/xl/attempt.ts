import { LIBXL_FAILED, OPERATOR_FAILED, RpcError } from '../daemon/rpc/rpc-error.ts';
import type { XlHost } from './xl-host.ts';

/** Ask the daemon; what libxl refuses is printed as libxl prints it. The answer, or libxl's return code. */
export async function attempt<T>(host: XlHost, action: () => Promise<T>): Promise<{ readonly value: T } | { readonly rc: number }> {
  try {
    return { value: await action() };
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== LIBXL_FAILED) throw error;
    const { rc, lines } = error.data as { rc: number; lines: readonly string[] };
    for (const line of lines) host.err(`${line}\n`);
    return { rc };
  }
}

/** An error of the daemon in lines for a person. */
export function errorLines(error: RpcError): string[] {
  if (error.code !== OPERATOR_FAILED) return [`xl: ${error.message}`];
  const { details, hint } = (error.data ?? {}) as { details?: string; hint?: string };
  return [`xl: ${error.message}`, ...(details === undefined ? [] : [`  ${details}`]), ...(hint === undefined ? [] : [`  ${hint}`])];
}
