import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const image = z.object({ image: z.string() });
const compose = z.object({ services: z.object({ postgres: image, kafka: image, registry: image }) });

/** The images of docker-compose.kafka.yml. */
export function readComposeImages(): { postgres: string; kafka: string; registry: string } {
  const file = new URL('../../docker-compose.kafka.yml', import.meta.url);
  const { services } = compose.parse(parse(readFileSync(file, 'utf8')));
  return {
    postgres: services.postgres.image,
    kafka: services.kafka.image,
    registry: services.registry.image,
  };
}
