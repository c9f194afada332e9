#!/usr/bin/env bash
# Runs tenantcheck, writes the job summary and the outputs, and ends with its exit code, whatever else happens.
set -uo pipefail
tool=${TENANTCHECK:-$RUNNER_TEMP/tenantcheck/bin/tenantcheck}
python=${PYTHON:-$RUNNER_TEMP/tenantcheck/bin/python}
summary=${GITHUB_STEP_SUMMARY:-/dev/null}
outputs=${GITHUB_OUTPUT:-/dev/null}

refuse() {
  echo "::error::$1"
  printf '## tenantcheck: no verdict\n\n%s\n' "$1" >>"$summary"
  printf 'verdict=error\nexit-code=2\n' >>"$outputs"
  exit 2
}
case $COMMAND in
  probe | invoke) ;;
  *) refuse "command: probe or invoke was expected" ;;
esac
case $FOLDER in
  '' | *$'\n'*) refuse "folder: one line was expected" ;;
esac
mkdir -p "$FOLDER" || exit 1
rm -f "$FOLDER"/report.{json,html,xml,md,sarif}
history=history-${GITHUB_RUN_ID:-0}-${GITHUB_RUN_ATTEMPT:-0}-$$-$(date +%s).jsonl

words=()
while IFS= read -r word; do
  if [ -n "$word" ]; then words+=("$word"); fi
done <<<"${ARGUMENTS:-}"
# A key that is not given is none: an empty variable would be one.
for name in TENANTCHECK_PROBE_WITNESS_KEY TENANTCHECK_INVOKE_WITNESS_KEY; do
  if [ -z "${!name:-}" ]; then unset "$name"; fi
done
reports=(--report "$FOLDER/report.json" --report "$FOLDER/report.html" --report "$FOLDER/report.xml" --report "$FOLDER/report.md")
if [ -n "${SARIF_ANCHOR:-}" ]; then
  reports+=(--report "$FOLDER/report.sarif" --sarif-anchor "$SARIF_ANCHOR")
fi

"$tool" "$COMMAND" "${words[@]}" "${reports[@]}" --history "$FOLDER/$history" -- "$TARGET"
code=$?
# Help, a dry run and a preflight end with 0, too, and prove nothing: without a verdict there is no green job.
verdict=$("$python" -I -c 'import json, sys; print(json.load(open(sys.argv[1], encoding="utf-8"))["verdict"])' \
  "$FOLDER/report.json" 2>/dev/null) || verdict=error
if [ "$code" = 0 ] && [ "$verdict" != pass ]; then
  echo "::error::tenantcheck gave no verdict: leave --dry-run, --preflight and --help out of the arguments"
  code=1
fi

if [ -s "$FOLDER/report.md" ]; then
  cat "$FOLDER/report.md" >>"$summary"
else
  printf '## tenantcheck: no verdict\n\nIt ended with exit code %d; the log of this step says why.\n' "$code" >>"$summary"
fi
{
  echo "exit-code=$code"
  "$python" -I - "$FOLDER/report.json" <<'PYTHON' || echo "verdict=error"
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
checks = report["checks"]
print(f"verdict={report['verdict']}")
print(f"breaches={sum(int(check['breaches']) for check in checks)}")
print(f"findings={sum(int(check['findings']) for check in checks)}")
PYTHON
  for pair in json:report.json html:report.html junit:report.xml sarif:report.sarif "history:$history"; do
    if [ -e "$FOLDER/${pair#*:}" ]; then echo "${pair%%:*}=$FOLDER/${pair#*:}"; fi
  done
} 2>/dev/null >>"$outputs"
exit "$code"
