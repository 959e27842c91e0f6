import axios from 'axios';
import type avsc from 'avsc';
import { parseWriterSchema } from './load-contracts.ts';

/** What a provider may do with the registry: read it. It never registers a schema. */
export interface SchemaRegistry {
  /** The writer's schema behind an id; undefined when the registry says that there is none. Rejects while the registry
   *  can't be asked: waiting is then right, not skipping. */
  byId(id: number): Promise<avsc.Type | undefined>;
  /** The id under which the subject holds exactly this contract, newest version first: writing under a newer schema than
   *  one's own would publish its new fields as emptied. Rejects when no version is this contract. */
  idOf(subject: string, contract: avsc.Type): Promise<number>;
}

export function createSchemaRegistry(url: string, timeoutMs = 10_000): SchemaRegistry {
  const http = axios.create({ baseURL: url.replace(/\/$/, ''), timeout: timeoutMs });
  const types = new Map<number, avsc.Type>();
  const ids = new Map<string, number>();

  async function versions(subject: string): Promise<number[]> {
    const { data } = await http.get<number[]>(`/subjects/${encodeURIComponent(subject)}/versions`);
    return data.sort((a, b) => b - a);
  }

  return {
    async byId(id) {
      const known = types.get(id);
      if (known) return known;
      const answer = await http.get<{ schema: string }>(`/schemas/ids/${id}`, {
        validateStatus: (status) => status === 200 || status === 404,
      });
      if (answer.status === 404) return undefined;
      const type = parseWriterSchema(answer.data.schema);
      types.set(id, type);
      return type;
    },
    async idOf(subject, contract) {
      const known = ids.get(subject);
      if (known !== undefined) return known;
      const wanted = JSON.stringify(contract.schema());
      for (const version of ['latest', ...(await versions(subject))]) {
        const { data } = await http.get<{ id: number; schema: string }>(
          `/subjects/${encodeURIComponent(subject)}/versions/${version}`,
        );
        if (JSON.stringify(parseWriterSchema(data.schema).schema()) !== wanted) continue;
        ids.set(subject, data.id);
        return data.id;
      }
      throw new Error(`No version of ${subject} in the schema registry is this platform's contract.`);
    },
  };
}
