import {
  XENSTORE_PAYLOAD_MAX,
  XS_CONTROL,
  XS_DIRECTORY,
  XS_DIRECTORY_PART,
  XS_ERROR,
  XS_GET_DOMAIN_PATH,
  XS_GET_PERMS,
  XS_INTRODUCE,
  XS_IS_DOMAIN_INTRODUCED,
  XS_MKDIR,
  XS_READ,
  XS_RELEASE,
  XS_RESET_WATCHES,
  XS_RESUME,
  XS_RM,
  XS_SET_PERMS,
  XS_SET_TARGET,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_UNWATCH,
  XS_WATCH,
  XS_WRITE,
} from '../../spec/xen/io/xs-wire.ts';
import type { Connection } from '../connection.ts';
import type { Core } from '../core.ts';
import { nulTerminated } from '../wire/latin1.ts';
import type { Message } from '../wire/message.ts';
import { control } from './control.ts';
import { getDomainPath, introduce, isDomainIntroduced, release, resume, setTarget } from './domains.ts';
import { directory, directoryPart, mkdir, read, rm, write } from './nodes.ts';
import { getPermissions, setPermissions } from './permissions.ts';
import { type Answer, Request } from './request.ts';
import { transactionEnd, transactionStart } from './transactions.ts';
import { resetWatches, unwatch, watch } from './watches.ts';

/** One kind of request. */
interface Operation {
  readonly name: string;
  handle(request: Request): Answer;
  /** Others get EACCES. */
  readonly privileged?: true;
  /** The transaction id in the header means nothing. */
  readonly noTransaction?: true;
}

/** Every request there is, by its type. What is not here (answers and events, too) gets ENOSYS. */
const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [XS_CONTROL, { name: 'CONTROL', handle: control, privileged: true }],
  [XS_DIRECTORY, { name: 'DIRECTORY', handle: directory }],
  [XS_READ, { name: 'READ', handle: read }],
  [XS_GET_PERMS, { name: 'GET_PERMS', handle: getPermissions }],
  [XS_WATCH, { name: 'WATCH', handle: watch, noTransaction: true }],
  [XS_UNWATCH, { name: 'UNWATCH', handle: unwatch, noTransaction: true }],
  [XS_TRANSACTION_START, { name: 'TRANSACTION_START', handle: transactionStart }],
  [XS_TRANSACTION_END, { name: 'TRANSACTION_END', handle: transactionEnd }],
  [XS_INTRODUCE, { name: 'INTRODUCE', handle: introduce, privileged: true }],
  [XS_RELEASE, { name: 'RELEASE', handle: release, privileged: true }],
  [XS_GET_DOMAIN_PATH, { name: 'GET_DOMAIN_PATH', handle: getDomainPath }],
  [XS_WRITE, { name: 'WRITE', handle: write }],
  [XS_MKDIR, { name: 'MKDIR', handle: mkdir }],
  [XS_RM, { name: 'RM', handle: rm }],
  [XS_SET_PERMS, { name: 'SET_PERMS', handle: setPermissions }],
  [XS_IS_DOMAIN_INTRODUCED, { name: 'IS_DOMAIN_INTRODUCED', handle: isDomainIntroduced, privileged: true }],
  [XS_RESUME, { name: 'RESUME', handle: resume, privileged: true }],
  [XS_SET_TARGET, { name: 'SET_TARGET', handle: setTarget, privileged: true }],
  [XS_RESET_WATCHES, { name: 'RESET_WATCHES', handle: resetWatches }],
  [XS_DIRECTORY_PART, { name: 'DIRECTORY_PART', handle: directoryPart }],
]);

/** Handle one request; its answer stands in the connection's outbox afterwards. */
export function handleMessage(core: Core, connection: Connection, message: Message): void {
  const operation = OPERATIONS.get(message.type);
  const request = new Request(core, connection, connection.transaction(message.transactionId), message.payload);
  let answer = operation === undefined ? 'ENOSYS' : (refusal(operation, request, message) ?? operation.handle(request));
  if (typeof answer !== 'string' && answer.length > XENSTORE_PAYLOAD_MAX) answer = 'E2BIG';
  const failed = typeof answer === 'string';
  if (core.tracing) {
    core.log.info(`${operation?.name ?? message.type} by domain ${connection.domid}: ${failed ? answer : 'done'}`);
  }
  connection.outbox.reply({
    type: failed ? XS_ERROR : message.type,
    requestId: message.requestId,
    transactionId: message.transactionId,
    payload: typeof answer === 'string' ? nulTerminated(answer) : answer,
  });
  request.afterReply?.();
}

function refusal(operation: Operation, request: Request, message: Message): Answer | undefined {
  if (operation.privileged === true && !request.connection.privileged) return 'EACCES';
  if (operation.noTransaction !== true && message.transactionId !== 0 && request.transaction === undefined) return 'ENOENT';
  return undefined;
}
