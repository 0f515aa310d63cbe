// What OFREP 0.3.0 demands of answers (open-feature/protocol, service/openapi.yaml), as JSON Schema. There the kinds of
// value are alternatives of which exactly one may fit, although an integer is also a float and "no value" fits all:
// here at least one has to.

const key = { type: "string" };
const metadata = { type: "object", additionalProperties: { type: ["boolean", "string", "number"] } };
const flagMetadata = { key, metadata, errorDetails: { type: "string" } };

export const evaluationSuccess = {
  type: "object",
  required: ["key", "reason"],
  properties: {
    key,
    reason: { enum: ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"] },
    variant: { type: "string" },
    metadata,
    value: { type: ["boolean", "string", "number", "object"] },
  },
};

export const evaluationFailure = {
  type: "object",
  required: ["key", "errorCode"],
  properties: {
    ...flagMetadata,
    errorCode: { enum: ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"] },
  },
};

export const flagNotFound = {
  type: "object",
  required: ["key", "errorCode"],
  properties: { ...flagMetadata, errorCode: { const: "FLAG_NOT_FOUND" } },
};

const eventStream = {
  type: "object",
  required: ["type"],
  oneOf: [
    { required: ["url"], not: { required: ["endpoint"] } },
    { required: ["endpoint"], not: { required: ["url"] } },
  ],
  properties: {
    type: { type: "string" },
    url: { type: "string" },
    endpoint: {
      type: "object",
      required: ["requestUri"],
      properties: { origin: { type: "string" }, requestUri: { type: "string", pattern: "^/" } },
    },
    inactivityDelaySec: { type: "integer", minimum: 1 },
  },
};

export const bulkSuccess = {
  type: "object",
  required: ["flags"],
  properties: {
    flags: { type: "array", items: { oneOf: [evaluationSuccess, evaluationFailure] } },
    metadata,
    eventStreams: { type: "array", items: eventStream },
  },
};

export const bulkFailure = {
  type: "object",
  required: ["errorCode"],
  properties: { errorCode: { type: "string" }, errorDetails: { type: "string" } },
};
