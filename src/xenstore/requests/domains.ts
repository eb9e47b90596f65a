import { introduceDomain, releaseDomain } from '../introduce.ts';
import { domainPath } from '../tree/path.ts';
import { leadingNumber, nulTerminated, onlyString, stringsOf } from '../wire/latin1.ts';
import { type Answer, OK, type Request } from './request.ts';

/** DOMID_SELF. @see xen/include/public/xen.h */
const DOMID_SELF = 0x7ff0;

/** INTRODUCE: `<domid>|<gfn>|<port>|`. Fails: EINVAL malformed, or the page or the port cannot be had. */
export function introduce(request: Request): Answer {
  const { core } = request;
  const [domidText, gfnText, portText] = stringsOf(request.payload);
  if (domidText === undefined || gfnText === undefined || portText === undefined) return 'EINVAL';
  const domid = leadingNumber(domidText);
  const gfn = leadingNumber(gfnText);
  const port = leadingNumber(portText);
  if (port <= 0 || domid < 0 || gfn < 0) return 'EINVAL';
  const channel = core.openChannel?.(domid, gfn, port);
  if (channel === undefined) return 'EINVAL';
  introduceDomain(core, domid, gfn, port, channel);
  return OK;
}

/** The introduced domain that the payload names. */
function introduced(request: Request): number | Exclude<Answer, Uint8Array> {
  const text = onlyString(request.payload);
  const domid = text === undefined ? 0 : leadingNumber(text);
  if (domid === 0) return 'EINVAL';
  return request.core.domains.get(domid)?.introduced === true ? domid : 'ENOENT';
}

/** RELEASE: `<domid>|`. Fails: EINVAL malformed or domain 0; ENOENT it is not introduced. */
export function release(request: Request): Answer {
  const domid = introduced(request);
  if (typeof domid === 'string') return domid;
  releaseDomain(request.core, domid);
  return OK;
}

/** RESUME: `<domid>|`. Its next shutdown is told again. Fails as RELEASE. */
export function resume(request: Request): Answer {
  const domid = introduced(request);
  if (typeof domid === 'string') return domid;
  const record = request.core.domains.get(domid);
  if (record !== undefined) record.shutdown = false;
  return OK;
}

/** GET_DOMAIN_PATH: `<domid>|` -> /local/domain/<domid>. */
export function getDomainPath(request: Request): Answer {
  const text = onlyString(request.payload);
  return text === undefined ? 'EINVAL' : nulTerminated(domainPath(leadingNumber(text) >>> 0));
}

/** IS_DOMAIN_INTRODUCED: `<domid>|` -> T or F. */
export function isDomainIntroduced(request: Request): Answer {
  const text = onlyString(request.payload);
  if (text === undefined) return 'EINVAL';
  const domid = leadingNumber(text);
  return nulTerminated(domid === DOMID_SELF || request.core.domains.get(domid)?.introduced === true ? 'T' : 'F');
}

/** SET_TARGET: `<domid>|<target>|`. The first may act as the second. Fails: EINVAL malformed; ENOENT either is not introduced. */
export function setTarget(request: Request): Answer {
  const { core } = request;
  const [domidText, targetText] = stringsOf(request.payload);
  if (domidText === undefined || targetText === undefined) return 'EINVAL';
  const ring = core.ring(leadingNumber(domidText));
  const target = core.ring(leadingNumber(targetText));
  if (ring === undefined || target === undefined) return 'ENOENT';
  ring.target = target.domid;
  return OK;
}
