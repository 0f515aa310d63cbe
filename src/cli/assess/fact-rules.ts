import type { FactRule } from "./facts.ts";

const PYTHON = /(^|\/)(pyproject\.toml|requirements[\w.-]*\.txt|setup\.(py|cfg)|Pipfile|environment\.ya?ml)$/;
const NODE = /(^|\/)package\.json$/;
const YAML = /\.ya?ml$/;

const python = (names: string) => new RegExp(`(?:^|["'\\s])(${names})(?=["'\\s~=<>!;\\[,]|$)`, "m");
const node = (names: string) => new RegExp(`"(${names})"\\s*:`);

/** What an assessment recognises. First the place that is surest. */
export const rules: readonly FactRule[] = [
  {
    about: "repository",
    file: /^\.git\/config$/,
    text: /\[remote "origin"\][^[]*?url\s*=\s*(?:\w+:\/\/)?(?:[^@\s/]+@)?(\S+)/,
    what: "$1",
  },

  {
    about: "runs",
    file: /(^|\/)(Dockerfile|Containerfile)(\.[\w-]+)?$/,
    text: /^EXPOSE\s+(\d+)/m,
    what: "a container image, port $1",
  },
  {
    about: "runs",
    file: /(^|\/)(Dockerfile|Containerfile)(\.[\w-]+)?$/,
    text: /^(?![\s\S]*EXPOSE\s+\d)/,
    what: "a container image",
  },
  {
    about: "runs",
    file: /(^|\/)(docker-)?compose[\w.-]*\.ya?ml$/,
    text: /^\s*-\s*["']?(?:[\d.]+:)?(\d+):\d+/m,
    what: "Compose, port $1",
  },
  { about: "runs", file: YAML, text: /^kind:\s*["']?(Deployment|StatefulSet)\b/m, what: "a Kubernetes $1" },
  {
    about: "runs",
    file: YAML,
    text: /^kind:\s*["']?(InferenceService|SeldonDeployment|RayService)\b/m,
    what: "a Kubernetes $1",
  },

  { about: "deploys", file: YAML, text: /^kind:\s*["']?Rollout\b/m, what: "an Argo Rollout" },
  {
    about: "deploys",
    file: YAML,
    text: /^apiVersion:\s*["']?(argoproj\.io\/v1alpha1)\b[\s\S]*?^kind:\s*["']?Application\b/m,
    what: "Argo CD",
  },
  { about: "deploys", file: YAML, text: /^apiVersion:\s*["']?(?:kustomize|helm)\.toolkit\.fluxcd\.io/m, what: "Flux" },
  { about: "deploys", file: /(^|\/)Chart\.yaml$/, what: "a Helm chart" },
  { about: "deploys", file: /(^|\/)kustomization\.ya?ml$/, what: "Kustomize" },
  {
    about: "deploys",
    file: /^\.github\/workflows\/[^/]*(deploy|release|publish|promote|rollout)[^/]*\.ya?ml$/,
    what: "the GitHub workflow $FILE",
  },
  {
    about: "deploys",
    file: /^\.gitlab-ci\.yml$/,
    text: /^\s*(?:stage|environment):.*deploy|^deploy/m,
    what: "GitLab CI",
  },
  { about: "deploys", file: /(^|\/)Jenkinsfile$/, what: "Jenkins" },
  {
    about: "deploys",
    file: /\.tf$/,
    text: /aws_sagemaker_\w+|google_vertex_ai_\w+|azurerm_machine_learning\w*/,
    what: "Terraform for a hosted endpoint",
  },

  { about: "model", file: /(^|\/)MLproject$|(^|\/)MLmodel$/, what: "an MLflow model" },
  { about: "model", file: PYTHON, text: python("mlflow(?:-skinny)?"), what: "MLflow" },
  { about: "model", file: /(^|\/)dvc\.ya?ml$|\.dvc$/, what: "DVC" },
  {
    about: "model",
    file: PYTHON,
    text: python("torch|tensorflow|scikit-learn|xgboost|lightgbm|catboost|transformers|onnxruntime|vllm"),
    what: "a model library ($1)",
  },

  { about: "prompt", file: /(^|\/)prompts?\//, what: "a folder of prompts" },
  { about: "prompt", file: /\.(prompt|prompty)(\.(md|txt|ya?ml))?$/, what: "prompt files" },
  { about: "prompt", file: PYTHON, text: python("langfuse|promptlayer|braintrust"), what: "prompts in $1" },
  { about: "prompt", file: NODE, text: node("langfuse|promptlayer|braintrust"), what: "prompts in $1" },
  {
    about: "prompt",
    file: PYTHON,
    text: python("openai|anthropic|google-genai|litellm|cohere|mistralai"),
    what: "a hosted model ($1)",
  },
  {
    about: "prompt",
    file: NODE,
    text: node("openai|@anthropic-ai/sdk|@google/genai|ai|@ai-sdk/[\\w-]+"),
    what: "a hosted model ($1)",
  },

  {
    about: "agent",
    file: PYTHON,
    text: python("langgraph|crewai|autogen|pydantic-ai|openai-agents|smolagents|mcp"),
    what: "an agent library ($1)",
  },
  {
    about: "agent",
    file: NODE,
    text: node("@langchain/langgraph|@openai/agents|@mastra/core|@modelcontextprotocol/sdk"),
    what: "an agent library ($1)",
  },
  { about: "agent", file: /(^|\/)\.?mcp\.json$/, what: "MCP tools" },

  {
    about: "flags",
    file: PYTHON,
    text: python("launchdarkly-server-sdk|openfeature-sdk|splitio-client|UnleashClient"),
    what: "feature flags ($1)",
  },
  {
    about: "flags",
    file: NODE,
    text: node("@launchdarkly/[\\w-]+|@openfeature/[\\w-]+|@splitsoftware/[\\w-]+|unleash-client"),
    what: "feature flags ($1)",
  },

  { about: "schema", file: /(^|\/)flyway\.(conf|toml)$|(^|\/)V\d[\w.]*__[\w-]+\.sql$/, what: "Flyway migrations" },
  { about: "schema", file: /(^|\/)alembic\.ini$/, what: "Alembic migrations" },
  { about: "schema", file: /(^|\/)(migrations|db\/migrate)\/.*\.(sql|py|rb|ts|js)$/, what: "database migrations" },

  { about: "api", file: /(^|\/)(openapi|swagger)[\w.-]*\.(ya?ml|json)$/, what: "an OpenAPI description" },
  { about: "api", file: PYTHON, text: python("fastapi|flask|litestar|django|bentoml"), what: "an HTTP service ($1)" },
  { about: "api", file: NODE, text: node("express|fastify|hono|@nestjs/core|next"), what: "an HTTP service ($1)" },
];
