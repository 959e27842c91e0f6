import kafkajs, { type PartitionMetadata } from 'kafkajs';

const choose = kafkajs.Partitioners.DefaultPartitioner();
let metadata: PartitionMetadata[] = [];

/** The partition that the Java client's default partitioner gives this key (murmur2 of its UTF-8 bytes), so that every
 *  client, ours or a provider's, sends one entity to one partition. */
export function choosePartition(key: string, partitions: number): number {
  return choose({ topic: '', partitionMetadata: metadataOf(partitions), message: { key, value: null } });
}

/** All that kafkajs looks at is how many there are. */
function metadataOf(partitions: number): PartitionMetadata[] {
  if (metadata.length !== partitions) {
    metadata = Array.from({ length: partitions }, (_, partitionId) => ({
      ...{ partitionId, leader: 0, partitionErrorCode: 0, replicas: [], isr: [] },
    }));
  }
  return metadata;
}
