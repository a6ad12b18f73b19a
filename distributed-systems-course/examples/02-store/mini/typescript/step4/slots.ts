/** A key has a slot. From step 3 on all slots are the leader's. */

export const SLOTS = 16384;

/** Its slot. What stands in {braces} decides alone: so {seat:12}:name goes with {seat:12}. */
export function slotOf(key: string): number {
  const start = key.indexOf("{");
  const end = key.indexOf("}", start + 1);
  const tag = start >= 0 && end > start + 1 ? key.slice(start + 1, end) : key;
  return crc16(Buffer.from(tag, "latin1")) % SLOTS;
}

/** The remainder of a division of polynomials, as XMODEM had it. */
function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
    }
  }
  return crc;
}
