/**
 * What Flagger's built-in checks measure, by mesh: the share of answers that are no failures, in percent, and the 99th
 * percentile of their times. Written from the metrics that the meshes document; fluxcd/flagger 15bd6ad5 has its own words
 * for the same in pkg/metrics/observers.
 */
export const builtinQueries: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  istio: checks({
    requests: "istio_requests_total",
    buckets: "istio_request_duration_milliseconds_bucket",
    arm: 'destination_workload="{{ target }}"',
    rest: 'reporter="destination", destination_workload_namespace="{{ namespace }}"',
    good: 'response_code!~"5.*"',
  }),
  linkerd: checks({
    requests: "response_total",
    buckets: "response_latency_ms_bucket",
    arm: 'deployment="{{ target }}"',
    rest: 'direction="inbound", namespace="{{ namespace }}"',
    good: 'classification!="failure"',
  }),
};

interface Mesh {
  readonly requests: string;
  readonly buckets: string;
  readonly arm: string;
  readonly rest: string;
  readonly good: string;
}

function checks({ requests, buckets, arm, rest, good }: Mesh): Readonly<Record<string, string>> {
  const rate = (name: string, matchers: string) => `sum(rate(${name}{${matchers}}[{{ interval }}]))`;
  return {
    "request-success-rate": `100 * ${rate(requests, `${arm}, ${rest}, ${good}`)} / ${rate(requests, `${arm}, ${rest}`)}`,
    "request-duration": `histogram_quantile(0.99, ${rate(buckets, `${arm}, ${rest}`)})`,
  };
}
