# The program `bridge`, for docker-compose.kafka.yml; built from the root of the checkout.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY . .
# The Prisma client is generated at installation, by a development dependency; those are left behind afterwards.
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app .
USER node
ENTRYPOINT ["./src/main.ts"]
CMD ["run"]
