import type { Clock, HealthCheck, HealthStatus, ProviderApi } from '../ports.ts';

/** How a provider's GET API is doing, from what its last requests came to; asks it nothing. Never `down`: a provider that
 *  can't be pulled still gets and sends its events. */
export function checkProviderApi(api: ProviderApi, clock: Clock): HealthCheck {
  const name = `provider-api-${api.providerId}`;
  return () => {
    const { circuit, lastError, lastSuccessMs } = api.status();
    const since =
      lastSuccessMs === null
        ? 'it has not answered yet'
        : `it last answered ${seconds(clock() - lastSuccessMs)} ago`;
    const because = lastError === null ? '' : ` after ${lastError}`;
    if (circuit !== 'closed') return say(name, 'degraded', `the circuit is ${circuit}${because}; ${since}`);
    if (lastError !== null)
      return say(name, 'degraded', `the last request failed with ${lastError}; ${since}`);
    return say(name, 'up', lastSuccessMs === null ? 'it has not been asked yet' : since);
  };
}

function say(name: string, status: HealthStatus['status'], detail: string): Promise<HealthStatus> {
  return Promise.resolve({ name, status, detail });
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}
