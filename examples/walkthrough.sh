#!/usr/bin/env bash
# From an empty account to a verdict, step by step. Needs the AWS SAM CLI, credentials, and tenantcheck.
#
#   ./walkthrough.sh deploy   build and deploy sam/template.yaml
#   ./walkthrough.sh check    probe the API and invoke the function
#   ./walkthrough.sh local    the same against SAM's local servers
#   ./walkthrough.sh delete   remove the stack
set -euo pipefail
cd "$(dirname "$0")"
stack=${STACK:-tenantcheck-witness}

output() {
  aws cloudformation describe-stacks --stack-name "$stack" \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text
}

case ${1:-} in
  deploy)
    # Step 1: TenancyConfig can only be set when a function is created.
    sam build --template sam/template.yaml
    sam deploy --stack-name "$stack" --resolve-s3 --capabilities CAPABILITY_IAM
    ;;
  check)
    # Step 2: two tenants by hand. Their executionEnvironmentId differs; that alone proves nothing.
    url=$(output Url)
    for tenant in tenant-a tenant-b; do
      curl -sS -H "x-tenant-id: $tenant" -H "x-tenantcheck-nonce: by-hand" "$url"
      echo
    done
    # Step 3: proof, through the API and by Invoke. Exit codes: 0 pass, 3 inconclusive, 10 breached.
    tenantcheck probe "$url"
    tenantcheck invoke "$(output FunctionName)" --event api-gateway
    ;;
  local)
    # SAM's local servers read the client's X-Amz-Tenant-Id. Cold containers are never reused there, so the honest
    # answer is `inconclusive`; with warm containers tenants share them, so a breach is the truth.
    sam build --template sam/template.yaml
    warm=${WARM:-}  # WARM=LAZY keeps containers
    sam local start-lambda --port 3001 ${warm:+--warm-containers "$warm"} &
    lambda=$!
    sam local start-api --port 3000 ${warm:+--warm-containers "$warm"} &
    api=$!
    trap 'kill $lambda $api' EXIT
    until curl -s -o /dev/null http://127.0.0.1:3000/ && curl -s -o /dev/null http://127.0.0.1:3001/; do sleep 1; done
    export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
    tenantcheck invoke Witness --endpoint-url http://127.0.0.1:3001 --region us-east-1 \
      --plan quick --tenants 2 --max-requests 60 --timeout 120 --max-time 1800 || echo "exit $?"
    tenantcheck probe http://127.0.0.1:3000/witness --tenant-header X-Amz-Tenant-Id \
      --plan quick --tenants 2 --max-requests 60 --timeout 120 --max-time 1800 || echo "exit $?"
    ;;
  delete)
    sam delete --stack-name "$stack" --no-prompts
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
