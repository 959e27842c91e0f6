const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/** The partition that the Java client's default partitioner gives this key (murmur2 of its UTF-8 bytes), so that every
 *  client, ours or a provider's, sends one entity to one partition. In 32-bit integers: kafkajs, with its 64-bit objects,
 *  takes some ten times as long. */
export function choosePartition(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

function murmur2(bytes: Buffer): number {
  const { length } = bytes;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    const word = Math.imul(bytes.readInt32LE(at), MIX);
    hash = Math.imul(hash, MIX) ^ Math.imul(word ^ (word >>> 24), MIX);
  }
  if (at < length) {
    let rest = 0;
    for (let i = length - 1; i >= at; i--) rest = (rest << 8) | bytes[i]!;
    hash = Math.imul(hash ^ rest, MIX);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MIX);
  return hash ^ (hash >>> 15);
}
