/** JSON-RPC's codes, and ours. @see https://www.jsonrpc.org/specification, section 5.1 */
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** Asked for by the client. @see Language Server Protocol, RequestCancelled */
export const CANCELLED = -32800;
/** libxl refused; `data` holds its return code and lines. */
export const LIBXL_FAILED = 1;
/** The operator asked for what cannot be done; `data` holds details and hint. */
export const OPERATOR_FAILED = 2;

/** A request failed on the other side. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}
