/** The channel of LISTEN and NOTIFY; the payload is the shard. */
export const OUTBOX_CHANNEL = 'bridge_outbox';
