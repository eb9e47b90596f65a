/** The three-byte opcode map 0F 3A xx (all with an immediate byte). @see Intel SDM vol. 2D, table A-5. Opcodes without a row are #UD, see `UNUSED` in opcodes.ts. */
import { type Row, rowsOf } from './row.ts';

const op = rowsOf('0F3A');

export const THREE_BYTE_3A: readonly Row[] = [
  // ---- 08-0F: SSE4.1, SSSE3
  op('66 08', 'ROUNDPS', 'Vps Wps Ib', 'ssefp.roundps', '', { feature: 'sse4_1' }),
  op('66 09', 'ROUNDPD', 'Vpd Wpd Ib', 'ssefp.roundpd', '', { feature: 'sse4_1' }),
  op('66 0A', 'ROUNDSS', 'Vss Wss Ib', 'ssefp.roundss', '', { feature: 'sse4_1' }),
  op('66 0B', 'ROUNDSD', 'Vsd Wsd Ib', 'ssefp.roundsd', '', { feature: 'sse4_1' }),
  op('66 0C', 'BLENDPS', 'Vps Wps Ib', 'sse.blendps', '', { feature: 'sse4_1' }),
  op('66 0D', 'BLENDPD', 'Vpd Wpd Ib', 'sse.blendpd', '', { feature: 'sse4_1' }),
  op('66 0E', 'PBLENDW', 'Vdq Wdq Ib', 'sse.pblendw', '', { feature: 'sse4_1' }),
  op('NP 0F', 'PALIGNR', 'Pq Qq Ib', 'mmx.palignr', '', { feature: 'ssse3' }),
  op('66 0F', 'PALIGNR', 'Vdq Wdq Ib', 'sse.palignr', '', { feature: 'ssse3' }),
  // ---- 14-22: extract, insert
  op('66 14', 'PEXTRB', 'Rd/Mb Vdq Ib', 'sse.pextrb', '', { feature: 'sse4_1' }),
  op('66 15', 'PEXTRW', 'Rd/Mw Vdq Ib', 'sse.pextrw', '', { feature: 'sse4_1' }),
  op('66 16', 'PEXTRD|PEXTRD|PEXTRQ', 'Ey Vdq Ib', 'sse.pextrd', '', { feature: 'sse4_1' }),
  op('66 17', 'EXTRACTPS', 'Ed Vdq Ib', 'sse.extractps', '', { feature: 'sse4_1' }),
  op('66 20', 'PINSRB', 'Vdq Rd/Mb Ib', 'sse.pinsrb', '', { feature: 'sse4_1' }),
  op('66 21', 'INSERTPS', 'Vdq Udq/Md Ib', 'sse.insertps', '', { feature: 'sse4_1' }),
  op('66 22', 'PINSRD|PINSRD|PINSRQ', 'Vdq Ey Ib', 'sse.pinsrd', '', { feature: 'sse4_1' }),
  // ---- 40-63
  op('66 40', 'DPPS', 'Vps Wps Ib', 'ssefp.dpps', '', { feature: 'sse4_1' }),
  op('66 41', 'DPPD', 'Vpd Wpd Ib', 'ssefp.dppd', '', { feature: 'sse4_1' }),
  op('66 42', 'MPSADBW', 'Vdq Wdq Ib', 'sse.mpsadbw', '', { feature: 'sse4_1' }),
  op('66 44', 'PCLMULQDQ', 'Vdq Wdq Ib', 'sse.pclmulqdq', '', { feature: 'pclmulqdq' }),
  op('66 60', 'PCMPESTRM', 'Vdq Wdq Ib', 'sse.pcmpestrm', 'w:OSZAPC', { feature: 'sse4_2', unaligned: true }),
  op('66 61', 'PCMPESTRI', 'Vdq Wdq Ib', 'sse.pcmpestri', 'w:OSZAPC', { feature: 'sse4_2', unaligned: true }),
  op('66 62', 'PCMPISTRM', 'Vdq Wdq Ib', 'sse.pcmpistrm', 'w:OSZAPC', { feature: 'sse4_2', unaligned: true }),
  op('66 63', 'PCMPISTRI', 'Vdq Wdq Ib', 'sse.pcmpistri', 'w:OSZAPC', { feature: 'sse4_2', unaligned: true }),
  // ---- CC-DF
  op('NP CC', 'SHA1RNDS4', 'Vdq Wdq Ib', 'sse.sha1rnds4', '', { feature: 'sha_ni', unaligned: true }),
  op('66 CE', 'GF2P8AFFINEQB', 'Vdq Wdq Ib', 'sse.gf2p8affineqb', '', { feature: 'gfni' }),
  op('66 CF', 'GF2P8AFFINEINVQB', 'Vdq Wdq Ib', 'sse.gf2p8affineinvqb', '', { feature: 'gfni' }),
  op('66 DF', 'AESKEYGENASSIST', 'Vdq Wdq Ib', 'sse.aeskeygenassist', '', { feature: 'aes' }),
];
