import { describe, expect, it } from 'vitest';
import { NOW, OPERATOR, SAA, setup, STAFF } from './setup.ts';

const TOPIC = 'saa-constat.created';
const blown = {
  topic: TOPIC,
  provider: 'saa',
  pause: {
    ...{ id: '1', topic: TOPIC, sinceMs: NOW, by: null, reason: null, resumedAtMs: null },
    ...{ counted: 30, codes: { UNDECODABLE: 20 }, samples: [] },
  },
};

describe('the topics', () => {
  it('are shown with why one stands still and how it goes on', async () => {
    const { get, answers } = setup();
    answers.topics = [blown, { topic: 'saa-constat.updated', provider: 'saa', pause: null }];
    const { status, body } = await get('/v1/topics', OPERATOR);
    expect(status).toBe(200);
    expect(body.data).toMatchObject([
      {
        topic: TOPIC,
        state: 'blown',
        pause: {
          counted: 30,
          codes: { UNDECODABLE: 20 },
          advice: expect.stringContaining(`bridge topic resume ${TOPIC}`),
        },
      },
      { topic: 'saa-constat.updated', state: 'running', pause: null },
    ]);
  });

  it.each([STAFF, SAA])('are for operators alone', async (key) => {
    const { get, api, seen } = setup();
    expect((await get('/v1/topics', key)).status).toBe(403);
    const { status } = await api.post(`/v1/topics/${TOPIC}/resume`).set('X-API-Key', key).send({});
    expect(status).toBe(403);
    expect(seen.controls).toEqual([]);
  });

  it('are paused and resumed in the name of the key', async () => {
    const { api, answers, seen } = setup();
    answers.topics = [blown];
    const post = (path: string, body: object) =>
      api.post(`/v1/topics/${TOPIC}/${path}`).set('X-API-Key', OPERATOR).send(body);
    expect((await post('pause', { reason: 'their request' })).status).toBe(200);
    expect((await post('resume', {})).status).toBe(200);
    expect((await post('resume', { skipTo: '0:7' })).body).toMatchObject({ topic: TOPIC, state: 'blown' });
    expect(seen.controls).toEqual([
      [TOPIC, 'On call', 'their request'],
      [TOPIC, 'On call', null],
      [TOPIC, 'On call', { to: 'offsets', offsets: new Map([[0, 7n]]) }],
    ]);
  });

  it.each([
    ['a topic that nobody knows', { status: 'unknown' }, {}, 404, 'not-found'],
    ['one that runs', { status: 'refused', reason: 'it runs already' }, {}, 409, 'topic-state'],
    ['a place that is none', { status: 'done', skips: [] }, { skipTo: 'yesterday' }, 422, 'validation'],
  ] as const)('refuse to resume %s', async (_story, control, body, status, problem) => {
    const { api, answers } = setup();
    answers.control = control;
    const answer = await api.post(`/v1/topics/${TOPIC}/resume`).set('X-API-Key', OPERATOR).send(body);
    expect([answer.status, answer.body.type]).toEqual([status, `urn:eassurance:problem:${problem}`]);
  });
});
