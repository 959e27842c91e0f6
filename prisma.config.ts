import { defineConfig } from 'prisma/config';

/** For the `prisma` command line alone: the bridge itself applies migrations with `bridge migrate`. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? '' },
});
